"""Lips without the head that carries them."""

import numpy as np
import pytest
import torch

from avfuse.geometry.affine import transform
from avfuse.geometry.lips import lip_aperture, lip_shapes, seen_lips, upright_lips
from avfuse.geometry.pose import mean_shape


def faces(openings):
    """The mean face in pixels, its lower lip let down by shares of the eyes' distance."""
    points = np.repeat(mean_shape()[None, :, :2] * 60 + 100, len(openings), 0)
    points[:, 65:68, 1] += 60 * np.asarray(openings)[:, None]
    return points.astype(np.float32)


def moved(points, angle, scale):
    """All of them turned in the picture, scaled and carried away."""
    turn = scale * np.array(
        [[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.0]]
    )
    turn[:, 2] = 30, -12
    return np.stack([transform(p, turn.astype(np.float32)) for p in points]).astype(np.float32)


class TestSeen:
    def test_the_mean_face_shows_none(self):
        shown = seen_lips(torch.from_numpy(faces([0.0])))
        torch.testing.assert_close(shown, torch.zeros(1, 20, 2), atol=1e-5, rtol=0)

    @pytest.mark.parametrize(("angle", "scale"), [(0.4, 1.0), (-1.0, 0.3), (3.0, 2.5)])
    def test_a_head_that_turns_in_the_picture_or_comes_nearer_changes_nothing(self, angle, scale):
        points = faces([0.0, 0.1, 0.2])
        here, there = (
            seen_lips(torch.from_numpy(p)) for p in (points, moved(points, angle, scale))
        )
        torch.testing.assert_close(there, here, atol=1e-4, rtol=0)

    def test_it_is_in_units_of_the_distance_from_eyes_to_mouth(self):
        points = faces([0.0, 0.1])
        eyes, corners = points[0, 36:48].mean(0), points[0, [48, 54]].mean(0)
        unit = np.linalg.norm(corners - eyes)
        shut, open_ = lip_aperture(seen_lips(torch.from_numpy(points)))
        assert (open_ - shut).item() == pytest.approx(6.0 / unit, rel=0.02)

    def test_each_frame_is_by_itself(self):
        points = torch.from_numpy(faces([0.0, 0.1, 0.3]))
        alone = torch.cat([seen_lips(p[None]) for p in points])
        torch.testing.assert_close(seen_lips(points), alone)
        torch.testing.assert_close(seen_lips(points[None])[0], alone)

    def test_is_the_clips_own_but_for_the_mean_face(self):
        """Where the distance from eyes to mouth does not change, the two units are one."""
        points = faces([0.0, 0.1, 0.3])
        difference = seen_lips(torch.from_numpy(points)).numpy() - upright_lips(points)
        assert np.ptp(difference, axis=0).max() < 1e-5


def test_a_clips_closed_lips_are_zero():
    openings = np.r_[np.zeros(4), np.linspace(0.05, 0.3, 16)]
    shapes = lip_shapes(faces(openings))
    assert np.abs(shapes[:4]).max() < 1e-5
    apart = lip_aperture(torch.from_numpy(shapes)).numpy()
    assert np.corrcoef(apart, openings)[0, 1] > 0.999
