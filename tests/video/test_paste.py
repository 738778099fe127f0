"""Paste: the inverse of crop, eq. 7 inside, untouched outside."""

import cv2
import numpy as np
import pytest

from avfuse.faces.crop import Box, crop
from avfuse.video.paste import paste


def picture(height=120, width=160, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def square(x, y, side):
    return Box(x, y, x + side, y + side)


OPAQUE = np.full((64, 64), 255, np.uint8)
WHITE = np.full((64, 64, 3), 255, np.uint8)
BOXES = [
    square(20.0, 30.0, 64.0),
    square(20.4, 30.7, 50.3),
    square(10.2, 5.5, 100.1),
    square(-20.0, -30.3, 64.0),
    square(120.5, 90.0, 64.0),
    square(-40.0, -50.0, 260.0),
    square(60.0, 60.0, 9.0),
]


def test_crop_then_paste_is_exact_on_whole_pixels():
    frame = picture()
    box = square(20.0, 30.0, 64.0)
    np.testing.assert_array_equal(paste(frame, box, crop(frame, box, 64), OPAQUE), frame)


@pytest.mark.parametrize("box", BOXES[1:4])
def test_crop_then_paste_is_the_frame_within_interpolation(box):
    frame = cv2.GaussianBlur(picture(), (0, 0), 3)
    result = paste(frame, box, crop(frame, box, 64), OPAQUE)
    assert np.abs(result.astype(int) - frame).max() <= 4


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_zero_mask_changes_not_a_bit(box, kind):
    frame = picture()
    result = paste(frame, box, WHITE, np.zeros((64, 64), kind))
    np.testing.assert_array_equal(result, frame)
    assert not np.shares_memory(result, frame)


@pytest.mark.parametrize("box", BOXES)
def test_outside_the_box_not_a_bit_changes_and_the_source_neither(box):
    frame = picture()
    before = frame.copy()
    result = paste(frame, box, WHITE, OPAQUE)
    np.testing.assert_array_equal(frame, before)
    rows, columns = np.mgrid[:120, :160]
    inside = (columns >= box.x0 - 1) & (columns < box.x1) & (rows >= box.y0 - 1) & (rows < box.y1)
    np.testing.assert_array_equal(result[~inside], frame[~inside])
    assert (result[inside] != frame[inside]).any()


@pytest.mark.parametrize("box", [square(300.0, 0.0, 50.0), square(0.0, -80.0, 50.0)])
def test_a_box_outside_the_frame_changes_nothing(box):
    frame = picture()
    np.testing.assert_array_equal(paste(frame, box, WHITE, OPAQUE), frame)


def test_blends_by_equation_7():
    frame = np.full((100, 100, 3), 40, np.uint8)
    motion = np.full((64, 64, 3), 200, np.uint8)
    box = square(18.0, 18.0, 64.0)
    half = paste(frame, box, motion, np.full((64, 64), 0.25, np.float32))
    assert half[50, 50].tolist() == [80, 80, 80]
    eighth = paste(frame, box, motion, np.full((64, 64), 51, np.uint8))
    assert eighth[50, 50].tolist() == [72, 72, 72]


def test_a_mask_beyond_its_range_is_clipped():
    frame = np.full((64, 64, 3), 40, np.uint8)
    result = paste(frame, square(0.0, 0.0, 64.0), WHITE, np.full((64, 64), 1.5, np.float32))
    assert result[32, 32].tolist() == [255] * 3


@pytest.mark.parametrize("side", [20.0, 64.0, 300.0])
def test_the_box_never_shows(side):
    """White on black, α = 1: the border fades in without a step."""
    frame = np.zeros((320, 320, 3), np.uint8)
    line = paste(frame, square(5.0, 5.0, side), WHITE, OPAQUE)[int(5 + side / 2), :, 0].astype(int)
    ramp = max(0.04 * side, 1)
    assert line[4] == 0
    assert np.abs(np.diff(line)).max() <= max(255 * 1.6 / ramp, 100)
    assert line[int(5 + side / 2)] == 255


@pytest.mark.parametrize("side", [25.0, 64.0, 93.7, 211.0])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.6])
def test_lands_where_it_belongs_to_a_tenth_of_a_pixel(side, shift):
    rows, columns = np.mgrid[:64, :64]
    spot = np.exp(-((columns - 30.5) ** 2 + (rows - 35.5) ** 2) / (2 * 5**2))
    motion = np.repeat((spot * 255).astype(np.uint8)[..., None], 3, axis=2)
    box = square(12 + shift, 9 - shift, side)
    result = paste(np.zeros((240, 240, 3), np.uint8), box, motion, OPAQUE)[..., 0].astype(float)
    rows, columns = np.mgrid[:240, :240]
    found = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
    wanted = np.array([box.x0, box.y0]) + np.array([31.0, 36.0]) * side / 64 - 0.5
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_refuses_sizes_that_do_not_fit():
    frame = picture()
    with pytest.raises(ValueError, match="expected"):
        paste(frame, square(0.0, 0.0, 0.0), WHITE, OPAQUE)
