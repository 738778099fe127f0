"""Colours: monotone, skin's, and the mouth's as bright beside its lips as it was."""

import numpy as np
import pytest

from avfuse.data.portraits.colour import lip_colour, lip_mask, recoloured, tinted
from avfuse.geometry import dense

LEVELS = np.tile(np.arange(256, dtype=np.uint8), (256, 1))


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def away(seen):
    """A face that lies beyond the picture: no lips in it."""
    return seen().points[:, :2] + 1000


class TestTinted:
    def test_brighter_stays_brighter_and_white_white(self, away):
        for seed in range(20):
            row = tinted(LEVELS, away, random(seed))[0].astype(int)
            assert (np.diff(row, axis=0) >= 0).all()
            np.testing.assert_array_equal(row[[0, -1]], [[0] * 3, [255] * 3])

    def test_is_skin_or_grey(self, away):
        middle = np.array([tinted(LEVELS, away, random(seed))[0, 128] for seed in range(60)])
        grey = (middle == 128).all(1)
        assert 2 < grey.sum() < 20
        red, green, blue = middle[~grey].T.astype(int)
        assert (red > green).all()
        assert (green > blue).all()
        assert len({tuple(colour) for colour in middle}) > 30

    def test_lips_are_redder(self, seen):
        points = seen().points[:, :2]
        flat = np.full((200, 200), 128, np.uint8)
        picture = tinted(flat, points, random(1))
        rings = points[dense.OUTER_LIPS], points[dense.INNER_LIPS]
        lips, skin = lip_colour(picture, *rings), picture[0, 0]
        assert lips[0] == pytest.approx(skin[0], abs=0.5)
        assert lips[1] < skin[1] - 2


class TestLipMask:
    def test_covers_what_lies_between_the_rings(self, seen):
        points = seen(1, [2.0]).points[:, :2]
        rings = points[dense.OUTER_LIPS], points[dense.INNER_LIPS]
        areas = []
        for ring in rings:
            after = np.roll(ring, -1, 0)
            areas.append(abs((ring[:, 0] * after[:, 1] - after[:, 0] * ring[:, 1]).sum()) / 2)
        covered = lip_mask(*rings, 200, 200).sum() / 255
        assert covered == pytest.approx(areas[0] - areas[1], rel=0.2)


class TestRecoloured:
    def test_grey_between_its_own_lips_stays(self):
        picture = np.repeat(LEVELS[..., None], 3, -1)
        lips = np.array([100.0, 100.0, 100.0])
        np.testing.assert_array_equal(recoloured(picture, lips, lips), picture)

    def test_is_as_bright_beside_its_lips(self):
        picture = np.full((4, 4, 3), 60, np.uint8)
        darker = recoloured(picture, np.full(3, 120.0), np.full(3, 80.0))
        np.testing.assert_array_equal(darker, 40)

    def test_dark_takes_on_the_lips_colour_and_teeth_little_of_it(self):
        picture = np.repeat(LEVELS[..., None], 3, -1)
        row = recoloured(picture, np.full(3, 100.0), np.array([140.0, 90.0, 70.0]))[0].astype(float)
        ratio = row[:, 0] / np.maximum(row[:, 2], 1)
        assert ratio[40] > 1.8
        assert ratio[220] < 1.4
        assert (np.diff(row, axis=0) >= 0).all()

    def test_of_black_lips_nothing_comes_that_is_no_colour(self):
        picture = np.repeat(LEVELS[..., None], 3, -1)
        nothing = np.zeros(3)
        assert recoloured(picture, nothing, nothing).dtype == np.uint8
