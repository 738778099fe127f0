"""Faces as training sees them: handled roughly, their points along with them."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.experts.dense.samples import DenseSamples, Handling
from avfuse.experts.dense.sources import KEPT, ROOM, cropped, find_sources
from avfuse.faces.dense import SIZE, upright
from avfuse.geometry.dense import landmarks_of, mirrored


@pytest.fixture(scope="module")
def faces(labelled):
    return cropped(find_sources(labelled / "grid", labelled / "mesh", None)[0])


def samples(faces, rough=True):
    return DenseSamples([faces], [1.0], length=16, rough=rough, seed=0)


def plain(**changes):
    return Handling(turn=0.0, scale=1.0, shift=(0.0, 0.0))._replace(**changes)


def test_as_it_is_a_face_fills_what_the_network_sees(faces):
    image, points = plain().see(faces.images[0], faces.points[0])
    box, roll = upright(landmarks_of(points[:, :2]))
    assert image.shape == (SIZE, SIZE, 3)
    np.testing.assert_allclose(box, (0, 0, SIZE, SIZE), atol=0.5)
    assert roll == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "handling",
    [
        plain(),
        plain(turn=20.0, scale=1.2, shift=(0.05, -0.1)),
        plain(mirror=True, turn=-10.0),
        plain(warp=np.random.default_rng(0).normal(0, 0.03, (4, 4, 2)).astype(np.float32)),
    ],
)
def test_points_move_with_the_pixels(faces, handling):
    for point in (4, 61, 291, 152):
        dark = np.zeros_like(faces.images[0])
        place = tuple(round(16 * float(v)) for v in faces.points[0, point, :2])
        cv2.circle(dark, place, 48, (255, 255, 255), -1, cv2.LINE_AA, 4)
        seen, points = handling.see(dark, faces.points[0])
        mass = seen[..., 0].astype(float)
        centre = [(mass.sum(axis) @ np.arange(SIZE)) / mass.sum() for axis in (0, 1)]
        of = mirrored()[point] if handling.mirror else point
        np.testing.assert_allclose(points[of, :2], centre, atol=0.3)


def test_a_turned_face_leans_the_other_way(faces):
    """Anticlockwise is a negative roll."""
    _, points = plain(turn=15.0).see(faces.images[0], faces.points[0])
    assert upright(landmarks_of(points[:, :2]))[1] == pytest.approx(-15, abs=0.2)


def test_depth_grows_with_the_face(faces):
    _, one = plain().see(faces.images[0], faces.points[0])
    _, other = plain(scale=1.3).see(faces.images[0], faces.points[0])
    np.testing.assert_allclose(one[:, 2], faces.points[0, :, 2] * ROOM * SIZE / KEPT, rtol=1e-4)
    np.testing.assert_allclose(other[:, 2], 1.3 * one[:, 2], rtol=1e-4)


def test_samples_are_the_same_each_time_and_differ(faces):
    first, again = samples(faces)[3], samples(faces)[3]
    assert first.images.shape == (3, SIZE, SIZE)
    assert 0 <= first.images.min() <= first.images.max() <= 1
    torch.testing.assert_close(first, again)
    assert not torch.equal(first.images, samples(faces)[4].images)


def test_gentle_samples_stay_near_what_a_tracker_gives(faces):
    gentle = [samples(faces, rough=False)[i].points.numpy() for i in range(16)]
    rough = [samples(faces)[i].points.numpy() for i in range(16)]
    rolls = [np.std([upright(landmarks_of(p[:, :2]))[1] for p in part]) for part in (gentle, rough)]
    assert 1 < rolls[0] < 5 < rolls[1] < 15
