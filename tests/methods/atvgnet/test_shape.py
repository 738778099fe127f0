"""Alignment and principal components, against closed forms and numpy."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.geometry.affine import similarity, transform
from avfuse.geometry.pose import mean_shape
from avfuse.methods.atvgnet.shape import RIGID, LandmarkPCA, align


def moved(points, angle, scale, shift):
    """Turn, scale and shift points, by numpy."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ torch.from_numpy(turn.T).float() + torch.tensor(shift)


class TestAlign:
    def test_undoes_a_similarity(self):
        points = torch.randn(10, 2)
        there = moved(points, 0.7, 3.0, (5.0, -2.0))
        found = align(there, points)
        torch.testing.assert_close(found.apply(there), points, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.undo(points), there, atol=1e-4, rtol=1e-5)

    def test_is_least_squares(self):
        """The same as the closed form that lays real mouths onto faces, for points that differ."""
        source, target = torch.randn(3, 12, 2), torch.randn(12, 2)
        found = align(source, target).apply(source)
        for points, ours in zip(source.numpy(), found.numpy(), strict=True):
            theirs = transform(points, similarity(points, target.numpy()))
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


class TestComponents:
    def test_are_numpys(self, shapes):
        pca = LandmarkPCA(3)
        pca.fit(shapes)
        offsets = pca.aligned(shapes).flatten(1).double().numpy()
        values, vectors = np.linalg.eigh(np.cov(offsets.T, bias=True))
        basis = pca.basis.flatten(1).numpy()
        for ours, theirs in zip(basis, vectors.T[::-1], strict=False):
            assert abs(ours @ theirs) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(pca.mean.flatten(), offsets.mean(0), atol=1e-5)
        assert float(pca.unit) == pytest.approx(np.sqrt(values[-1]), rel=1e-4)
        spread = pca.coefficients(shapes).std(0, correction=0).numpy()
        expected = np.sqrt(values[::-1][:3] / values[-1])
        np.testing.assert_allclose(spread, expected, rtol=1e-3)

    def test_enough_of_them_say_all(self, shapes):
        pca = LandmarkPCA(len(shapes) - 1)
        pca.fit(shapes)
        again = pca.mean + pca.offsets(pca.coefficients(shapes))
        torch.testing.assert_close(again, pca.aligned(shapes), atol=1e-4, rtol=1e-4)

    def test_say_nothing_of_place_size_and_roll(self, shapes):
        pca = LandmarkPCA(4)
        pca.fit(shapes)
        elsewhere = moved(shapes, -0.3, 1.7, (11.0, 4.0))
        there, here = (pca.coefficients(p) for p in (elsewhere, shapes))
        torch.testing.assert_close(there, here, atol=1e-3, rtol=1e-3)

    def test_faces_are_laid_onto_the_mean_face(self):
        mean = torch.from_numpy(mean_shape()[:, :2].copy()).float()
        laid = LandmarkPCA().aligned(moved(mean, 0.2, 40.0, (60.0, 50.0)))
        torch.testing.assert_close(laid[RIGID], mean[RIGID], atol=1e-4, rtol=1e-4)

    def test_too_few_frames(self, shapes):
        with pytest.raises(InputError, match=r"6 training frames .* too few for 6"):
            LandmarkPCA(6).fit(shapes[:6])

    @pytest.mark.parametrize("components", [0, 137])
    def test_no_such_number_of_components(self, components):
        with pytest.raises(ValueError, match="expected 1 to 136"):
            LandmarkPCA(components)
