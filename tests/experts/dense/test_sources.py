"""Faces with labels: found, cropped upright, kept once."""

import shutil

import cv2
import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.experts.dense.sources import (
    KEPT,
    PORTRAITS,
    ROOM,
    cached_faces,
    crop_face,
    cropped,
    find_sources,
    labelled_pictures,
    pictures,
    read_faces,
)
from avfuse.faces.dense import upright
from avfuse.geometry.dense import landmarks_of


def sources(folder):
    return find_sources(folder / "grid", folder / "mesh", folder / "portraits")


def test_finds_clips_with_labels_and_portraits(labelled):
    assert [(s.person, s.name) for s in sources(labelled)] == [
        ("ann", "one"),
        ("ben", "one"),
        (PORTRAITS, PORTRAITS),
    ]
    assert len(find_sources(labelled / "grid", labelled / "mesh", None)) == 2
    with pytest.raises(InputError, match="no label of"):
        find_sources(labelled / "grid", labelled / "portraits", None)


def test_frames_without_a_label_are_left_out(labelled):
    ann = sources(labelled)[0]
    assert len(list(pictures(ann))) == 10
    assert len(list(labelled_pictures(ann))) == 9
    assert len(list(labelled_pictures(ann, 2))) == 5
    assert len(list(labelled_pictures(ann, 3))) == 3  # the fourth frame has none


def test_points_move_with_the_pixels(labelled):
    """A dot in the picture, and the point under it, come to lie in the same place."""
    image, mesh = next(labelled_pictures(sources(labelled)[0]))
    turn = cv2.getRotationMatrix2D((80.0, 80.0), 20, 1.0)
    mesh[:, :2] = mesh[:, :2] @ turn[:, :2].T + turn[:, 2]
    for point in (4, 61, 152):
        dark = np.zeros_like(image)
        place = tuple(round(16 * float(v)) for v in mesh[point, :2])
        cv2.circle(dark, place, 32, (255, 255, 255), -1, cv2.LINE_AA, 4)
        seen, points = crop_face(dark, mesh)
        mass = seen[..., 0].astype(float)
        centre = [(mass.sum(axis) @ np.arange(KEPT)) / mass.sum() for axis in (0, 1)]
        np.testing.assert_allclose(points[point, :2], centre, atol=0.3)


def test_faces_are_upright_and_of_one_size(labelled):
    faces = cropped(sources(labelled)[2])
    assert faces.images.shape == (11, KEPT, KEPT, 3)
    for points in faces.points:
        box, roll = upright(landmarks_of(points[:, :2]))
        assert roll == pytest.approx(0, abs=0.1)
        assert box.side == pytest.approx(KEPT / ROOM, rel=1e-3)
        assert (box.x0 + box.x1) / 2 == pytest.approx(KEPT / 2, abs=0.5)


def test_depth_keeps_its_proportion(labelled):
    _, mesh = next(labelled_pictures(sources(labelled)[0]))
    _, points = crop_face(np.zeros((160, 160, 3), np.uint8), mesh)
    lengths = [np.linalg.norm(p[10] - p[152]) for p in (mesh, points)]
    depths = [p[234, 2] - p[4, 2] for p in (mesh, points)]
    assert depths[1] / depths[0] == pytest.approx(lengths[1] / lengths[0], rel=1e-3)


def test_crops_once_until_a_label_changes(labelled, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(labelled, folder)
    cache = tmp_path / "cache"
    paths = cached_faces(sources(folder), 5, cache)
    assert [len(read_faces(path).images) for path in paths] == [5, 5, 11]
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert cached_faces(sources(folder), 5, cache) == paths
    assert [path.stat().st_mtime_ns for path in paths] == stamps
    label = folder / "mesh" / "ann__one.npz"
    shutil.copy(labelled / "mesh" / "ben__one.npz", label)
    again = cached_faces(sources(folder), 5, cache)
    assert again[0] != paths[0]
    assert again[1:] == paths[1:]


def test_refuses_what_shows_nobody(labelled, tmp_path):
    source = sources(labelled)[0]
    np.savez(tmp_path / "none.npz", points=np.full((10, 478, 3), -32768, np.int16))
    with pytest.raises(InputError, match="no face is labelled"):
        cropped(source._replace(label=tmp_path / "none.npz"))
    portraits = sources(labelled)[2]
    with pytest.raises(InputError, match="cannot be read as a picture"):
        cropped(portraits._replace(media=tmp_path))
