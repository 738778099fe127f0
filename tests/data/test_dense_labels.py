"""Labels as they are read: sixteenths of a pixel, frames without a face left out."""

import numpy as np
import pytest

from avfuse.data.dense_labels import read_clips, read_faces, read_points
from avfuse.errors import InputError


def labels(frames, points=478):
    return np.arange(frames * points * 3, dtype=np.int16).reshape(frames, points, 3)


def test_are_pixels_of_frames_with_a_face(tmp_path):
    points = labels(3)
    points[1] = -32768
    np.savez(tmp_path / "some.npz", points=points)
    faces = read_faces(tmp_path / "some.npz")
    np.testing.assert_array_equal(faces, points[[0, 2], :468] / 16)


def test_keep_their_places_where_nobody_is_left_out(tmp_path):
    points = labels(3)
    points[1] = -32768
    np.savez(tmp_path / "some.npz", points=points)
    read = read_points(tmp_path / "some.npz")
    np.testing.assert_array_equal(read[[0, 2]], points[[0, 2], :468] / 16)
    assert np.isnan(read[1]).all()


def test_clips_of_one_person_belong_together(tmp_path):
    for name in ("ann__1", "ann__2", "ben__1"):
        np.savez(tmp_path / f"{name}.npz", points=labels(2))
    np.savez(tmp_path / "mesh.npz", points=labels(5))  # nobody's clip
    assert {name: len(faces) for name, faces in read_clips(tmp_path).items()} == {
        "ann": 4,
        "ben": 2,
    }


def test_refuses_what_holds_no_faces(tmp_path):
    with pytest.raises(InputError, match="holds no labelled face"):
        read_clips(tmp_path)
    np.savez(tmp_path / "ann__1.npz", points=np.full((2, 478, 3), -32768, np.int16))
    with pytest.raises(InputError, match="holds no labelled face"):
        read_clips(tmp_path)
    np.savez(tmp_path / "few.npz", points=labels(2, 68))
    with pytest.raises(InputError, match="468 or more"):
        read_faces(tmp_path / "few.npz")
    np.savez(tmp_path / "other.npz", landmarks=labels(2))
    with pytest.raises(InputError, match="an array `points`"):
        read_faces(tmp_path / "other.npz")
    with pytest.raises(InputError, match="an array `points`"):
        read_faces(tmp_path / "missing.npz")
