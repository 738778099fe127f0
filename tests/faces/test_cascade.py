"""The builtin tracker, on drawn faces and, where they are, on real ones."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.cascade import CascadeTracker
from avfuse.faces.crop import box_from_landmarks

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="no real clips here")


class Frame(NamedTuple):
    image: np.ndarray
    time: float


def still(image, count, start=0.0, noise=0.0):
    random = np.random.default_rng(0)
    for i in range(count):
        grain = random.normal(0, noise, image.shape) if noise else 0
        yield Frame(np.clip(image + grain, 0, 255).astype(np.uint8), start + i / 25)


def track(frames):
    return [face for _, face in CascadeTracker().track(frames)]


def centre_and_side(box):
    return np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.side])


def error(box, landmarks):
    """Distance of the centres and difference of the sides, as shares of the true side."""
    truth = centre_and_side(box_from_landmarks(landmarks))
    difference = (centre_and_side(box) - truth) / truth[2]
    return np.hypot(*difference[:2]), abs(difference[2])


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(0, seconds=0.4)


def test_follows_a_drawn_face(clip):
    faces = track(Frame(image, i / 25) for i, image in enumerate(clip.frames))
    assert len(faces) == len(clip.frames)
    for face, landmarks in zip(faces, clip.landmarks, strict=True):
        assert face is not None
        centre, side = error(face.box, landmarks.astype(float))
        assert centre < 0.12
        assert side < 0.25
        assert 0 < face.confidence <= 1
        assert face.landmarks is None


def test_does_not_swim_on_a_still(clip):
    boxes = [centre_and_side(face.box) for face in track(still(clip.frames[0], 20, noise=4))]
    assert np.abs(np.diff(boxes, axis=0)).max() <= 0.3


@pytest.mark.parametrize("scale", [0.6, 2.3])
def test_any_size_finds_the_same_place(clip, scale):
    image = clip.frames[0]
    larger = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    [one], [other] = track(still(image, 1)), track(still(larger, 1))
    width = larger.shape[1] / image.shape[1]
    difference = centre_and_side(other.box) / width - centre_and_side(one.box)
    assert np.abs(difference).max() < 0.08 * one.box.side


def test_no_face_is_none():
    assert track(still(np.full((90, 160, 3), 128, np.uint8), 5)) == [None] * 5


def test_a_cut_starts_anew(clip):
    face = clip.frames[0]
    small = cv2.resize(face, (128, 128), interpolation=cv2.INTER_AREA)
    other = np.full_like(face, 90)
    other[100:228, 0:128] = small
    whole = list(still(face, 6)) + list(still(other, 6, start=6 / 25))
    together = track(whole)
    apart = track(whole[:6]) + track(whole[6:])
    for one, two in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.box, two.box, atol=1e-6)


def test_a_face_that_leaves_and_returns(clip):
    face, nobody = clip.frames[0], np.full_like(clip.frames[0], 128)
    frames = [*still(face, 5), *still(nobody, 15, 0.2), *still(face, 10, 0.8)]
    found = [one is not None for one in track(frames)]
    assert found[:5] == [True] * 5
    assert not any(found[5:20])
    assert all(found[23:])  # looked for ten times a second


def labelled(name):
    return np.load(DATA / "landmarks" / f"{name}.npz")["landmarks"][:, :, :2].astype(float)


def decode(path):
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield Frame(frame.to_ndarray(format="rgb24"), float(frame.time))


@real
@pytest.mark.parametrize("name", ["s2__bgauza", "s4__lwbsza", "s14__lrwq7p"])
def test_grid(name):
    speaker, clip = name.split("__")
    faces = track(decode(DATA / "grid" / speaker / f"{clip}.mpg"))
    assert all(faces)
    errors = [error(f.box, points) for f, points in zip(faces, labelled(name), strict=True)]
    centre, side = np.quantile(errors, 0.9, axis=0)
    assert centre < 0.05
    assert side < 0.07


@real
def test_photo():
    image = cv2.imread(str(DATA / "photos" / "astronaut.png"))[:, :, ::-1].copy()
    [face] = track(still(image, 1))
    x, y, side = centre_and_side(face.box)
    # Between her eyes, at y = 101, and her mouth's corners, at y = 142.
    assert (x, y) == pytest.approx((224, 130), abs=10)
    assert 75 < side < 140
