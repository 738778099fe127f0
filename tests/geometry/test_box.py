"""The square that the network sees, and the way into it."""

import cv2
import numpy as np
import pytest

from avfuse.geometry.box import (
    Box,
    box_from_landmarks,
    box_from_points,
    crop,
    frame_to_crop,
    square_around,
)


def picture(height=120, width=160, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def test_box_grows_and_moves_with_the_face():
    landmarks = np.random.default_rng(0).uniform(0, 100, (68, 2))
    one = np.array(box_from_landmarks(landmarks))
    other = np.array(box_from_landmarks(landmarks * 2 + (30, 7)))
    np.testing.assert_allclose(other, one * 2 + (30, 7, 30, 7))


def test_box_holds_eyes_and_mouth_in_its_middle():
    box = box_from_points(np.array([50.0, 40.0]), np.array([50.0, 60.0]))
    assert (box.x0 + box.x1) / 2 == 50
    assert box.y0 < 40 < 60 < box.y1
    assert box.x1 - box.x0 == box.y1 - box.y0 == box.side


def test_a_grown_box_keeps_its_middle():
    assert Box(2.0, 4.0, 6.0, 8.0).grown(1.5) == (1.0, 3.0, 7.0, 9.0)


def test_a_square_around_boxes_holds_them():
    boxes = [Box(10, 20, 30, 40), Box(14, 20, 34, 40), Box(12, 20, 32, 40)]
    around = square_around(boxes)
    assert abs(around.side - around.height) < 1e-9
    assert 23 < around.side <= 24
    assert 10 <= around.x0 < 10.5
    np.testing.assert_allclose(square_around(boxes[:1]), boxes[0])


def test_one_far_out_of_a_hundred_is_left_out():
    boxes = [Box(10, 20, 30, 40)] * 199 + [Box(500, 20, 520, 40)]
    assert square_around(boxes).side < 21


def test_crop_of_whole_pixels_is_a_slice():
    frame = picture()
    np.testing.assert_array_equal(crop(frame, Box(20.0, 30.0, 84.0, 94.0), 64), frame[30:94, 20:84])


def test_crop_beyond_the_frame_repeats_its_edge():
    frame = picture()
    result = crop(frame, Box(-10.0, -10.0, 54.0, 54.0), 64)
    np.testing.assert_array_equal(result[:10, :10], np.broadcast_to(frame[0, 0], (10, 10, 3)))
    np.testing.assert_array_equal(result[10:, 10:], frame[:54, :54])


@pytest.mark.parametrize(
    "place", [(0.0, 0.0), (3.0, 5.0), (37.4, 51.7), (-40.0, 90.0), (900.0, 2.0)]
)
@pytest.mark.parametrize("side", [33.0, 64.0, 200.0])
def test_far_smaller_crop_keeps_its_place(place, side):
    """A gradient survives averaging, whatever the frame's and the box's divisibility."""
    size = 16
    columns, rows = np.meshgrid(np.arange(255), np.arange(203))
    frame = np.stack([columns, rows, columns * 0], axis=2).astype(np.uint8)
    box = Box(*place, place[0] + side, place[1] + side)
    result = crop(frame, box, size).astype(float)
    matrix = frame_to_crop(box, size)
    middle = (np.arange(size) - matrix[:, 2:]) / matrix[0, 0]
    inside = [(m > 8) & (m < limit) for m, limit in zip(middle, (240, 190), strict=True)]
    assert abs(result[..., 0] - middle[0]).max(0)[inside[0]].max(initial=0) <= 1.2
    assert abs(result[..., 1] - middle[1][:, None]).max(1)[inside[1]].max(initial=0) <= 1.2


@pytest.mark.parametrize("roll", [-50.0, 12.0, 90.0])
@pytest.mark.parametrize("side", [40.0, 170.0])
def test_a_turned_box_sees_its_middle_and_what_is_above_it(roll, side):
    """A gradient again: the crop holds the places that the map says, averaged or not."""
    columns, rows = np.meshgrid(np.arange(255), np.arange(253))
    frame = np.stack([columns, rows, columns * 0], axis=2).astype(np.uint8)
    box = Box(127 - side / 2, 126 - side / 2, 127 + side / 2, 126 + side / 2)
    result = crop(frame, box, 16, roll).astype(float)
    back = cv2.invertAffineTransform(frame_to_crop(box, 16, roll))
    grid = np.stack(np.meshgrid(np.arange(16), np.arange(16)), 2)
    np.testing.assert_allclose(result[..., :2], grid @ back[:, :2].T + back[:, 2], atol=1.5)
    up = (result[0] - result[-1])[:, :2].mean(0)  # a head that leans right: up is to the right
    turned = np.array([np.sin(np.radians(roll)), -np.cos(np.radians(roll))])
    assert up @ turned / np.linalg.norm(up) > 0.99
