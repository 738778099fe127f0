"""The face model: linear, symmetric, a face; and any other that takes its place."""

import numpy as np
import pytest
import torch

from avfuse.errors import InputError
from avfuse.geometry import dense
from avfuse.geometry.face_model import face_model, read_face_model


class TestShape:
    def test_is_the_mean_and_what_coefficients_add(self):
        model = face_model()
        identity, expression = torch.zeros(60), torch.zeros(30)
        torch.testing.assert_close(model.shape(identity, expression), model.mean)
        identity[3], expression[1] = 2.0, -1.5
        wanted = model.mean + 2 * model.identity[3] - 1.5 * model.expression[1]
        torch.testing.assert_close(model.shape(identity, expression), wanted)

    def test_one_person_has_many_moments(self):
        model = face_model()
        identity, expressions = torch.randn(60), torch.randn(7, 30)
        together = model.shape(identity, expressions)
        assert together.shape == (7, 468, 3)
        torch.testing.assert_close(together[4], model.shape(identity, expressions[4]))

    def test_fewer_components_and_points_are_parts(self):
        model = face_model()
        small = model.first(5, 2).at(model.landmarks)
        assert [len(part) for part in small] == [68, 5, 2, 0, 68]
        identity, expression = torch.randn(5), torch.randn(2)
        whole = model.first(5, 2).shape(identity, expression)
        torch.testing.assert_close(small.shape(identity, expression), whole[model.landmarks])

    def test_moves_in_precision_alone(self):
        model = face_model().to(torch.float64)
        assert model.mean.dtype == model.expression.dtype == torch.float64
        assert model.triangles.dtype == torch.int64


class TestOwn:
    def test_is_a_face_that_looks_at_the_camera(self):
        points = face_model().mean[face_model().landmarks]
        assert points[17:27, 1].max() < points[36:48, 1].min()
        assert points[:, 1].argmax() == 8
        assert points[:, 2].argmin() in (30, 33)
        across = torch.tensor([1.0, 0, 0])
        torch.testing.assert_close(points[45] - points[36], across, atol=0.03, rtol=0)

    def test_rests_with_its_lips_shut(self):
        upper, lower = (face_model().mean[dense.LANDMARKS[p]] for p in (62, 66))
        assert 0 <= lower[1] - upper[1] < 0.02

    def test_the_first_expression_opens_the_mouth(self):
        change = face_model().expression[0]
        upper, lower, brow = (change[dense.LANDMARKS[p]] for p in (62, 66, 19))
        assert (lower - upper)[1].abs() > 0.05
        assert brow.norm() < 0.1 * lower.norm()

    def test_components_come_by_their_size(self):
        for basis in face_model()[1:3]:
            sizes = basis.flatten(1).norm(dim=1)
            assert (sizes.diff() < 1e-4).all()

    @pytest.mark.parametrize("basis", ["identity", "expression"])
    def test_likely_faces_keep_their_skin_outside(self, basis):
        """A triangle that turns over would tear the picture: hardly any does in random faces."""
        model = face_model()
        sheet = torch.from_numpy(dense.triangles()[dense.skin()])
        components = getattr(model, basis)
        weights = torch.randn(50, len(components), generator=torch.Generator().manual_seed(0))
        shapes = model.mean + torch.einsum("nk,kpd->npd", weights, components)

        def normals(points):
            a, b, c = points[..., sheet, :].unbind(-2)
            return torch.linalg.cross(b - a, c - a)

        turned = (normals(shapes) * normals(model.mean)).sum(-1) < 0
        assert turned.float().mean() < 0.01


class TestAnother:
    @pytest.fixture
    def arrays(self):
        """The library's own as others keep theirs: millimetres, y up, z to the viewer."""
        turn = 95 * np.diag([1.0, -1.0, -1.0])
        own = face_model()
        shift = np.array([3.0, -20.0, 1500.0])
        return {
            "mean": own.mean.numpy() @ turn + shift,
            "identity": own.identity[:4].numpy() @ turn,
            "expression": own.expression[:3].numpy() @ turn,
            "triangles": own.triangles.numpy().astype(np.uint32),
            "landmarks": own.landmarks.numpy(),
        }

    def test_is_turned_into_our_axes_and_unit(self, arrays, tmp_path):
        np.savez(tmp_path / "own.npz", **arrays)
        model, own = read_face_model(tmp_path / "own.npz"), face_model()
        torch.testing.assert_close(model.mean, own.mean, atol=1e-5, rtol=0)
        torch.testing.assert_close(model.identity, own.identity[:4], atol=1e-5, rtol=0)
        torch.testing.assert_close(model.expression, own.expression[:3], atol=1e-5, rtol=0)
        assert torch.equal(model.triangles, own.triangles)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("identity", np.zeros((4, 9, 3)), r"identity is \(4, 9, 3\); expected \(any, 468, 3\)"),
            ("landmarks", np.arange(51), r"landmarks is \(51,\); expected \(68\)"),
            ("landmarks", np.arange(68) + 401, "landmarks must be whole numbers from 0 to 467"),
            ("triangles", np.zeros((5, 3)), "triangles must be whole numbers"),
        ],
    )
    def test_refuses_what_does_not_fit(self, arrays, tmp_path, name, value, message):
        np.savez(tmp_path / "own.npz", **(arrays | {name: value}))
        with pytest.raises(InputError, match=message):
            read_face_model(tmp_path / "own.npz")

    def test_refuses_what_is_missing(self, arrays, tmp_path):
        del arrays["expression"]
        np.savez(tmp_path / "own.npz", **arrays)
        with pytest.raises(InputError, match=r"expected a \.npz with mean, identity"):
            read_face_model(tmp_path / "own.npz")
        with pytest.raises(InputError, match=r"expected a \.npz"):
            read_face_model(tmp_path / "none.npz")
