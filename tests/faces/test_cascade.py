"""The cascade: where a track may start, on drawn faces and, where it is, on a photo."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.cascade import Cascade
from avfuse.geometry.box import box_from_landmarks

PHOTO = Path(__file__).parents[3] / "shared" / "data" / "photos" / "astronaut.png"


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(0, seconds=0.1)


def centre_and_side(box):
    return np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.side])


def test_finds_a_drawn_face_roughly(clip):
    [box] = Cascade().find(clip.frames[0])
    truth = centre_and_side(box_from_landmarks(clip.landmarks[0].astype(float)))
    difference = (centre_and_side(box) - truth) / truth[2]
    assert np.hypot(*difference[:2]) < 0.15
    assert abs(difference[2]) < 0.25


@pytest.mark.parametrize("scale", [0.6, 2.3])
def test_any_size_finds_the_same_place(clip, scale):
    image = clip.frames[0]
    other = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    [one], [two] = Cascade().find(image), Cascade().find(other)
    width = other.shape[1] / image.shape[1]
    difference = centre_and_side(two) / width - centre_and_side(one)
    assert np.abs(difference).max() < 0.1 * one.side


def test_the_largest_comes_first(clip):
    large = clip.frames[0]
    small = cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    both = np.full((large.shape[0], large.shape[1] + small.shape[1], 3), 128, np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, small.shape[1] :] = large
    first, second = Cascade().find(both)
    assert first.side > 1.5 * second.side
    assert first.x0 > second.x1


@pytest.mark.parametrize("size", [(90, 160), (1, 1), (1, 900), (2000, 3)])
def test_nobody_is_found_in_an_empty_frame(size):
    assert Cascade().find(np.full((*size, 3), 128, np.uint8)) == []


@pytest.mark.skipif(not PHOTO.exists(), reason="no ../shared/data")
def test_photo():
    box = Cascade().find(cv2.imread(str(PHOTO))[:, :, ::-1].copy())[0]
    x, y, side = centre_and_side(box)
    # Between her eyes, at y = 101, and her mouth's corners, at y = 142.
    assert (x, y) == pytest.approx((224, 130), abs=12)
    assert 75 < side < 140
