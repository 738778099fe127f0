"""The warp: pixels go where points go, and nothing else moves."""

import numpy as np
import pytest

from avfuse.data.portraits.shape import rest_of
from avfuse.data.portraits.warp import Inside, redrawn
from avfuse.geometry import dense

RED = np.full((30, 30, 3), (250, 0, 0), np.uint8)
WIDE = 12.0  # pixels


@pytest.fixture
def nothing():
    """Red between the lips."""
    angles = np.linspace(-np.pi, np.pi, 20, endpoint=False)
    ring = np.stack([14.5 + 9 * np.cos(angles), 14.5 + 6 * np.sin(angles)], 1)
    return Inside(RED, ring)


@pytest.fixture
def face(seen):
    """Lips closed."""
    points = seen(0).points
    return rest_of(points).driven(0 * rest_of(points).open)


def opened(points, pixels=WIDE):
    """The lower lip and what hangs from it, down; more in the middle than at the corners."""
    target = points.copy()
    across = np.clip(1 - ((points[:, 0] - points[14, 0]) / 25) ** 2, 0, 1)
    below = points[:, 1] > points[13, 1] + 0.3
    below[dense.INNER_LIPS[11:]], below[dense.INNER_LIPS[:11]] = True, False
    target[:, 1] += pixels * across * below
    return target


def test_no_motion_is_no_change(noise, face, nothing):
    drawn = redrawn(noise, face, [face, opened(face)], [nothing] * 2)
    np.testing.assert_array_equal(drawn[0], noise)
    assert (drawn[1] != noise).any()
    np.testing.assert_array_equal(redrawn(noise, face, [face], [nothing])[0], noise)


def test_outside_the_ring_nothing_changes(noise, face, nothing):
    (drawn,) = redrawn(noise, face, [opened(face)], [nothing])
    oval = face[dense.OVAL, :2]
    centre = oval.mean(0)
    low, high = (centre + 1.36 * (edge - centre) for edge in (oval.min(0), oval.max(0)))
    y, x = np.mgrid[: noise.shape[0], : noise.shape[1]]
    outside = (x < low[0]) | (x > high[0]) | (y < low[1]) | (y > high[1])
    assert outside.mean() > 0.2
    np.testing.assert_array_equal(drawn[outside], noise[outside])
    above = np.s_[: int(face[13, 1]) - 12]  # nothing moves there
    np.testing.assert_array_equal(drawn[above], noise[above])


@pytest.mark.parametrize("point", [152, 17, 200, 405, 181])  # chin, lower lip and below
def test_pixels_go_where_their_point_goes(face, nothing, point):
    y, x = np.mgrid[:200, :200]
    dot = np.exp(-((x - face[point, 0]) ** 2 + (y - face[point, 1]) ** 2) / 5)
    picture = np.repeat((255 * dot).astype(np.uint8)[..., None], 3, -1)
    target = opened(face, 8.0)
    (drawn,) = redrawn(picture, face, [target], [Inside(0 * RED, nothing.ring)])
    bright = drawn[..., 0].astype(float)
    found = np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()
    np.testing.assert_allclose(found, target[point, :2], atol=0.8)
    assert abs(target[point, 1] - face[point, 1]) > 4


def test_the_background_does_not_tear(face, nothing):
    """A ramp stays one: from pixel to pixel it climbs by little, and never falls."""
    rows = np.indices((200, 200))[0]
    ramp = np.repeat(rows.astype(np.uint8)[..., None], 3, -1)
    (drawn,) = redrawn(ramp, face, [opened(face)], [nothing])
    below = drawn[int(face[14, 1] + WIDE) + 2 :, :, 0].astype(int)
    steps = np.diff(below, axis=0)
    assert steps.min() >= 0
    assert steps.max() <= 4
    assert np.abs(np.diff(below, axis=1)).max() <= 4


def test_between_the_lips_lies_the_other_picture(face, nothing):
    grey = np.full((200, 200, 3), 128, np.uint8)
    target = opened(face)
    (drawn,) = redrawn(grey, face, [target], [nothing])
    x, y = ((target[13] + target[14]) / 2)[:2].round().astype(int)
    np.testing.assert_array_equal(drawn[y, x], RED[0, 0])
    red = (drawn[..., 0] > 200) & (drawn[..., 1] < 60)
    ring = target[dense.INNER_LIPS, :2]
    following = np.roll(ring, -1, 0)
    area = abs((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum()) / 2
    assert red.sum() == pytest.approx(area, abs=0.35 * area)  # its edge is soft
    assert red.any(0).sum() <= np.ptp(ring[:, 0])


def test_closed_lips_show_nothing_of_it(seen, nothing):
    """Not even where the portrait's own teeth were."""
    grey = np.full((200, 200, 3), 128, np.uint8)
    points = seen(1, [2.0, -1.5, 0.5]).points
    closed = rest_of(points).driven(0 * rest_of(points).open)
    (drawn,) = redrawn(grey, points, [closed], [nothing])
    np.testing.assert_array_equal(drawn, grey)


def test_a_face_at_the_pictures_edge(noise, face, nothing):
    low = face + np.array([0.0, 75.0, 0.0])  # the chin lies beyond it
    (drawn,) = redrawn(noise, low, [opened(low)], [nothing])
    assert drawn.shape == noise.shape
    assert (drawn != noise).any()
