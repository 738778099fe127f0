"""Shapes laid onto a shape, as OpenCV lays them."""

import cv2
import numpy as np

from avfuse.geometry.pose import mean_shape
from avfuse.geometry.procrustes import aligned


def posed(shape, rng, degrees):
    """The shape, turned about a random axis, moved and scaled."""
    rotation = cv2.Rodrigues(np.radians(rng.normal(0, degrees, 3)))[0]
    return rng.uniform(50, 150) * shape @ rotation.T + rng.uniform(-100, 100, 3)


class TestAligned:
    def test_agrees_with_opencv(self):
        rng = np.random.default_rng(0)
        shapes = np.stack([posed(mean_shape(), rng, 60) + rng.normal(0, 3, (68, 3)) for _ in "abc"])
        for shape, got in zip(shapes, aligned(shapes, mean_shape()), strict=True):
            matrix, scale = cv2.estimateAffine3D(shape, mean_shape(), force_rotation=True)
            want = scale * shape @ matrix[:, :3].T + matrix[:, 3]
            np.testing.assert_allclose(got, want, atol=1e-6)

    def test_never_mirrors(self):
        shape = mean_shape() * [0.8, 1, 1.1]
        mirrored = (shape * [-1, 1, 1])[None]  # without renaming the points
        offsets = [s - s.mean(0) for s in (mirrored[0], aligned(mirrored, mean_shape())[0])]
        assert np.linalg.det(np.linalg.lstsq(*offsets)[0]) > 0
