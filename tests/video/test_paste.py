"""Paste: the inverse of crop, eq. 7 inside, untouched outside."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.geometry.box import Box, crop
from avfuse.layers.warp import warp
from avfuse.types import Planes
from avfuse.video.paste import paste


def picture(height=120, width=160, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def square(x, y, side):
    return Box(x, y, x + side, y + side)


def spoken(mask=1.0, change=0, flow=(0.0, 0.0), size=64):
    """The same everywhere, unless an array says otherwise."""
    return planes(
        np.ones((size, size), np.float32) * np.float32(mask),
        np.ones((size, size, 3), np.float32) * np.asarray(change, np.float32),
        np.ones((size, size, 2), np.float32) * np.asarray(flow, np.float32),
    )


def planes(mask, change, flow):
    return Planes(*map(torch.from_numpy, (change, mask, flow)))


WHITE = spoken(change=255)
BOXES = [
    square(20.0, 30.0, 64.0),
    square(20.4, 30.7, 50.3),
    square(10.2, 5.5, 100.1),
    square(-20.0, -30.3, 64.0),
    square(120.5, 90.0, 64.0),
    square(-40.0, -50.0, 260.0),
    square(60.0, 60.0, 9.0),
]


@pytest.mark.parametrize("box", BOXES)
def test_nothing_changed_and_nothing_moved_is_the_frame_bit_by_bit(box):
    frame = picture()
    np.testing.assert_array_equal(paste(frame, box, spoken()), frame)


def test_is_what_the_network_made_where_both_have_one_size():
    """Against eq. 7 on the crop itself, in float."""
    rng = np.random.default_rng(3)
    frame, box = picture(), square(20.0, 30.0, 64.0)
    smooth = [cv2.GaussianBlur(rng.normal(0, 1, (64, 64)), (0, 0), 4) for _ in range(3)]
    mask = np.full((64, 64), 0.75, np.float32)
    flow = np.stack(smooth[:2], -1).astype(np.float32) * 30
    change = np.repeat(smooth[2][..., None] * 300, 3, -1).astype(np.float32)
    image = torch.from_numpy(crop(frame, box, 64)).permute(2, 0, 1).double()
    moved = warp(image[None], torch.from_numpy(flow).permute(2, 0, 1)[None].double())[0]
    motion = (moved.permute(1, 2, 0).numpy() + change).clip(0, 255)
    wanted = crop(frame, box, 64) * 0.25 + motion * 0.75
    got = paste(frame, box, planes(mask, change, flow))[30:94, 20:84]
    # Away from the ramp, and from where the frame goes on and the crop does not.
    inner = slice(8, -8)
    assert np.abs(flow).max() < 8
    assert np.abs(got.astype(float) - wanted)[inner, inner].max() <= 1.5


@pytest.mark.parametrize("side", [32.0, 64.0, 100.0])
def test_what_moves_stays_as_sharp_as_the_frame(side):
    """A shift of the whole crop by whole pixels of the frame is the frame's own pixels, moved."""
    frame = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    shift = (3 * 64 / side, -2 * 64 / side)
    result = paste(frame, square(20.0, 10.0, side), spoken(flow=shift))
    rows, columns = slice(22, 34), slice(28, 44)
    np.testing.assert_array_equal(result[rows, columns], frame[20:32, 31:47])


@pytest.mark.parametrize("box", BOXES)
def test_zero_mask_changes_not_a_bit(box):
    frame = picture()
    result = paste(frame, box, spoken(0.0, change=255, flow=(9.0, 9.0)))
    np.testing.assert_array_equal(result, frame)
    assert not np.shares_memory(result, frame)


@pytest.mark.parametrize("box", BOXES)
def test_outside_the_box_not_a_bit_changes_and_the_source_neither(box):
    frame = picture()
    before = frame.copy()
    result = paste(frame, box, WHITE)
    np.testing.assert_array_equal(frame, before)
    rows, columns = np.mgrid[:120, :160]
    inside = (columns >= box.x0 - 1) & (columns < box.x1) & (rows >= box.y0 - 1) & (rows < box.y1)
    np.testing.assert_array_equal(result[~inside], frame[~inside])
    assert (result[inside] != frame[inside]).any()


@pytest.mark.parametrize("box", [square(300.0, 0.0, 50.0), square(0.0, -80.0, 50.0)])
def test_a_box_outside_the_frame_changes_nothing(box):
    frame = picture()
    np.testing.assert_array_equal(paste(frame, box, WHITE), frame)


def test_blends_by_equation_7():
    frame = np.full((100, 100, 3), 40, np.uint8)
    quarter = paste(frame, square(18.0, 18.0, 64.0), spoken(0.25, change=160))
    assert quarter[50, 50].tolist() == [80, 80, 80]


def test_a_mask_and_a_picture_beyond_their_range_are_clipped():
    frame = np.full((64, 64, 3), 40, np.uint8)
    result = paste(frame, square(0.0, 0.0, 64.0), spoken(1.5, change=(255, 200, -255)))
    assert result[32, 32].tolist() == [255, 240, 0]


@pytest.mark.parametrize("side", [20.0, 64.0, 300.0])
def test_the_box_never_shows(side):
    """White on black, α = 1: the border fades in without a step."""
    frame = np.zeros((320, 320, 3), np.uint8)
    line = paste(frame, square(5.0, 5.0, side), WHITE)[int(5 + side / 2), :, 0].astype(int)
    ramp = max(0.04 * side, 1)
    assert line[4] == 0
    assert np.abs(np.diff(line)).max() <= max(255 * 1.6 / ramp, 100)
    assert line[int(5 + side / 2)] == 255


@pytest.mark.parametrize("side", [25.0, 64.0, 93.7, 211.0])
@pytest.mark.parametrize("shift", [0.0, 0.25, 0.6])
def test_lands_where_it_belongs_to_a_tenth_of_a_pixel(side, shift):
    rows, columns = np.mgrid[:64, :64]
    spot = np.exp(-((columns - 30.5) ** 2 + (rows - 35.5) ** 2) / (2 * 5**2))
    change = np.repeat((spot * 255).astype(np.float32)[..., None], 3, axis=2)
    box = square(12 + shift, 9 - shift, side)
    result = paste(np.zeros((240, 240, 3), np.uint8), box, spoken(change=change))[..., 0].astype(
        float
    )
    rows, columns = np.mgrid[:240, :240]
    found = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
    wanted = np.array([box.x0, box.y0]) + np.array([31.0, 36.0]) * side / 64 - 0.5
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_refuses_sizes_that_do_not_fit():
    frame = picture()
    with pytest.raises(ValueError, match="expected x0 < x1"):
        paste(frame, square(0.0, 0.0, 0.0), WHITE)
    with pytest.raises(ValueError, match="squares of one size"):
        paste(frame, square(0.0, 0.0, 9.0), WHITE._replace(flow=torch.zeros(32, 32, 2)))


@pytest.mark.parametrize("box", BOXES)
def test_without_a_flow_the_colour_is_the_motion_image(box):
    """Pasted over the frame where α is 1, whatever the frame shows."""
    grey = spoken(change=90)._replace(flow=None)
    over = (paste(picture(seed=seed), box, grey) for seed in (0, 1))
    inner = Box(box.x0 + box.side / 4, box.y0 + box.side / 4, box.x1 - box.side / 4, 0)
    rows = slice(max(0, int(inner.y0) + 1), max(0, int(box.y0 + 0.75 * box.side)))
    columns = slice(max(0, int(inner.x0) + 1), max(0, int(inner.x1)))
    for result in over:
        assert (result[rows, columns] == 90).all()


def test_without_a_mask_all_of_the_box_is_covered():
    frame, box = picture(), square(20.0, 30.0, 64.0)
    whole = spoken(change=90)
    one, other = (paste(frame, box, w) for w in (whole, whole._replace(mask=None)))
    np.testing.assert_array_equal(one, other)


def test_a_rectangle_is_scaled_along_either_side():
    """Twice as wide as high: what lies in the crop's middle lies in the box's."""
    frame, box = np.zeros((120, 160, 3), np.uint8), Box(20.0, 30.0, 140.0, 90.0)
    rows, columns = np.mgrid[:64, :64]
    spot = np.exp(-((columns - 47.5) ** 2 + (rows - 15.5) ** 2) / (2 * 4**2))
    change = np.repeat((spot * 255).astype(np.float32)[..., None], 3, axis=2)
    result = paste(frame, box, spoken(change=change))[..., 0].astype(float)
    rows, columns = np.mgrid[:120, :160]
    found = np.array([(result * columns).sum(), (result * rows).sum()]) / result.sum()
    np.testing.assert_allclose(found, [20 + 0.75 * 120 - 0.5, 30 + 0.25 * 60 - 0.5], atol=0.2)
