"""The 3-D-aware module: eq. 1, and that a mesh in its own pose is its own picture."""

import pytest
import torch

from avfuse.geometry.camera import WeakPerspective, rotation_matrix
from avfuse.geometry.face_model import face_model
from avfuse.methods.rhythmic_head_motion.head import camera_of, disentangled
from avfuse.methods.rhythmic_head_motion.mesh import (
    carried,
    least_rotated,
    projected,
    unprojected,
)


@pytest.fixture
def mesh(filmed):
    found = disentangled(torch.from_numpy(filmed.landmarks), 96)
    image = torch.from_numpy(filmed.frames[3]).permute(2, 0, 1).float() / 255
    return unprojected(image, found, 3)


def test_equation_1_with_the_papers_own_matrices():
    """R and T from what is seen to the canonical face: V_t = R_t⁻¹ (R_tM V_tM + T_tM - T_t)."""
    turn = rotation_matrix(torch.tensor([[0.1, 0.2, 0.0], [-0.1, 0.3, 0.1]]))
    place = torch.tensor([[30.0, 40.0], [35.0, 38.0]])
    seen, wanted = (
        WeakPerspective(turn[i : i + 1], place[i : i + 1], torch.ones(1)) for i in (0, 1)
    )
    vertices = torch.randn(9, 3)
    into = turn.mT  # the camera is the other way around
    shift = [-(into[i] @ torch.cat([place[i], torch.zeros(1)])) for i in (0, 1)]
    paper = (vertices @ into[0].T + shift[0] - shift[1]) @ torch.linalg.inv(into[1]).T
    torch.testing.assert_close(carried(vertices, seen, wanted)[0], paper)


def test_a_mesh_carried_is_the_model_seen_in_the_other_pose(mesh):
    model, pose = face_model(), torch.tensor([[0.0, 0.4, 0.0, 0.05, 0.0, -1.1]])
    own = camera_of(mesh.pose[None], 96)
    shape = (mesh.vertices - torch.cat([own.translation[0], torch.zeros(1)])) @ own.rotation[0]
    wanted = camera_of(pose, 96).project(shape[None] / own.scale)
    found = projected(mesh, pose).points
    torch.testing.assert_close(found, wanted[:, model.landmarks], rtol=1e-4, atol=1e-2)


def test_in_its_own_pose_it_is_the_picture_that_it_was_taken_from(mesh):
    made, points = projected(mesh, mesh.pose[None])
    there = made[0].amax(0) > 0
    assert 0.1 < there.float().mean() < 0.9
    assert (made[0] - mesh.texture).abs()[:, there].mean() < 0.01
    inside = points[0, 30].round().long()
    assert there[inside[1], inside[0]]


def test_turned_it_keeps_its_colours_and_moves_its_nose(mesh):
    poses = mesh.pose + torch.tensor([[0.0, 0.0, 0, 0, 0, 0], [0.0, 0.5, 0, 0, 0, 0]])
    _, points = projected(mesh, poses)
    nose = points[:, 30] - points[:, 27:28].mean(1)
    assert (nose[1] - nose[0])[0].abs() > 2


def test_each_pose_is_drawn_by_itself(mesh):
    poses = mesh.pose + 0.1 * torch.randn(4, 6)
    every = projected(mesh, poses).images
    torch.testing.assert_close(projected(mesh, poses[2:3]).images[0], every[2])


def test_the_least_rotated_is_chosen():
    poses = torch.zeros(3, 6)
    poses[:, :3] = torch.tensor([[0.3, 0, 0], [0.05, 0.05, 0.05], [0, 0, 0.2]])
    poses[1, 3:] = 9.0  # where it lies does not count
    assert least_rotated(poses) == 1
