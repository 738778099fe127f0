"""The 3-D face at the landmarks: known truth is found again, another model is taken."""

import numpy as np
import pytest
import torch

from avfuse.errors import InputError
from avfuse.geometry.camera import WeakPerspective, rotation_matrix
from avfuse.geometry.face_model import face_model, read_face_model
from avfuse.methods.everybodys_talkin.face import Face


@pytest.fixture(scope="module")
def truth():
    """Frames of one person by the model itself."""
    torch.manual_seed(0)
    turns = rotation_matrix(torch.randn(5, 3) * 0.2)
    camera = WeakPerspective(turns, torch.rand(5, 2) * 4 + 60, torch.full((5,), 50.0))
    return torch.randn(6) * 0.5, torch.randn(5, 4) * 0.7, camera


def test_finds_pose_and_expression_of_a_known_person(truth):
    identity, expression, camera = truth
    face = Face(6, 4)
    seen = face.project(identity, expression, camera)
    fit = face.fit(seen, identity)
    again = face.project(fit.identity, fit.expression, fit.camera)
    assert (again - seen).norm(dim=-1).max() < 0.5  # of 50 pixels between the eyes' corners
    torch.testing.assert_close(fit.camera.rotation, camera.rotation, atol=0.03, rtol=0)


def test_frames_are_fitted_one_by_one(truth):
    identity, expression, camera = truth
    face = Face(6, 4)
    seen = face.project(identity, expression, camera)
    whole, part = face.fit(seen, identity), face.fit(seen[2:3], identity)
    torch.testing.assert_close(part.expression, whole.expression[2:3], atol=1e-3, rtol=0)


def test_expression_is_linear_in_what_is_seen(truth):
    """Section 3.2.2: from coefficients to landmarks there are only linear operations."""
    identity, expression, camera = truth
    face = Face(6, 4)
    rest, one, double = (face.project(identity, k * expression, camera) for k in (0, 1, 2))
    torch.testing.assert_close(double - rest, 2 * (one - rest), atol=1e-3, rtol=1e-4)


def test_more_components_than_the_model_has_are_nothing():
    face, own = Face(199, 29), face_model()
    assert face.identity.shape == (199, 68, 3)
    torch.testing.assert_close(face.identity[: len(own.identity)], own.identity[:, own.landmarks])
    assert not face.identity[len(own.identity) :].any()


def test_takes_another_model(tmp_path):
    own = face_model()
    doubled = {"identity": 2 * own.identity, "mean": own.mean, "expression": own.expression}
    tables = {"triangles": own.triangles, "landmarks": own.landmarks}
    path = tmp_path / "model.npz"
    np.savez(path, **{k: v.numpy() for k, v in (doubled | tables).items()})
    face, usual = Face(3, 3), Face(3, 3)
    face.take_model(read_face_model(path))
    ratio = face.identity.norm() / usual.identity.norm()
    scale = (face.mean[45] - face.mean[36]).norm() / (usual.mean[45] - usual.mean[36]).norm()
    torch.testing.assert_close(ratio, 2 * scale, atol=1e-2, rtol=0)


def test_a_model_of_wrong_shapes_is_one_line(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, mean=np.zeros((5, 2)))
    with pytest.raises(InputError) as error:
        read_face_model(path)
    assert "\n" not in str(error.value)
