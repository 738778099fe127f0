"""Cameras: by OpenCV's, by derivatives of autograd, and by one standing far away."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.geometry.camera import Pinhole, WeakPerspective, rotation_matrix, rotation_vector
from avfuse.geometry.pose import HeadPose

FRAMES, POINTS = 5, 11


def rand(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def shapes():
    return rand(FRAMES, POINTS, 3) / 2


@pytest.fixture
def far():
    scale = 150 + 10 * rand(FRAMES, seed=2)
    return WeakPerspective(
        rotation_matrix(rand(FRAMES, 3, seed=1) / 2), 200 + 30 * rand(FRAMES, 2, seed=3), scale
    )


@pytest.fixture
def near(far):
    return Pinhole.like(far, 900.0, torch.tensor([319.5, 239.5], dtype=torch.float64))


class TestRotations:
    def test_agree_with_opencv(self):
        vectors = rand(20, 3)
        for vector, matrix in zip(vectors, rotation_matrix(vectors), strict=True):
            np.testing.assert_allclose(matrix, cv2.Rodrigues(vector.numpy())[0], atol=1e-12)

    def test_come_back(self):
        vectors = torch.cat([rand(20, 3) / 2, 1e-9 * rand(3, 3), torch.zeros(1, 3).double()])
        torch.testing.assert_close(rotation_vector(rotation_matrix(vectors)), vectors)
        almost = torch.tensor([[3.1, 0.2, -0.1]], dtype=torch.float64)
        torch.testing.assert_close(rotation_vector(rotation_matrix(almost)), almost)


class TestWeakPerspective:
    def test_agrees_with_the_head_pose(self, far, shapes):
        for frame, seen in enumerate(far.project(shapes)):
            parts = [part[frame].numpy() for part in far]
            pose = HeadPose(parts[0], parts[1], float(parts[2]))
            np.testing.assert_allclose(seen, pose.project(shapes[frame].numpy()), atol=1e-10)

    def test_is_six_numbers(self, far, shapes):
        assert far.numbers.shape == (FRAMES, 6)
        again = WeakPerspective.of(far.numbers)
        torch.testing.assert_close(again.project(shapes), far.project(shapes))

    def test_depth_grows_away_from_the_camera(self, far, shapes):
        """As large as x and y: what is placed is the shape, turned and scaled."""
        placed = far.placed(shapes)
        spans = torch.cdist(placed, placed) / torch.cdist(shapes, shapes).clamp(min=1e-9)
        wanted = far.scale[:, None, None] * (1 - torch.eye(POINTS))
        torch.testing.assert_close(spans, wanted.double())


class TestPinhole:
    def test_agrees_with_opencv(self, near, shapes):
        lens = np.array([[900.0, 0, 319.5], [0, 900, 239.5], [0, 0, 1]])
        for frame, seen in enumerate(near.project(shapes)):
            vector, _ = cv2.Rodrigues(near.rotation[frame].numpy())
            place = near.translation[frame].numpy()
            wanted, _ = cv2.projectPoints(shapes[frame].numpy(), vector, place, lens, None)
            np.testing.assert_allclose(seen, wanted[:, 0], atol=1e-9)

    def test_from_far_away_is_weak_perspective(self, far, near, shapes):
        distant = Pinhole.like(far, 1e8, near.centre)
        torch.testing.assert_close(distant.project(shapes), far.project(shapes), atol=1e-3, rtol=0)
        torch.testing.assert_close(distant.unit, far.scale)


@pytest.mark.parametrize("kind", ["far", "near"])
class TestEither:
    def test_slopes_agree_with_autograd(self, kind, shapes, request):
        camera = request.getfixturevalue(kind)
        slopes = camera.slopes(shapes)
        still = torch.zeros(FRAMES, 6, dtype=torch.float64)
        pose = torch.autograd.functional.jacobian(
            lambda step: camera.moved(step).project(shapes), still
        )
        shape = torch.autograd.functional.jacobian(camera.project, shapes)
        for frame in range(FRAMES):
            torch.testing.assert_close(slopes.pose[frame], pose[frame, :, :, frame])
            for point in range(POINTS):
                of_point = shape[frame, point, :, frame, point]
                torch.testing.assert_close(slopes.shape[frame, point], of_point)

    def test_some_frames_are_those_of_all(self, kind, shapes, request):
        camera = request.getfixturevalue(kind)
        some = slice(1, 3)
        seen = camera.at(some).project(shapes[some])
        torch.testing.assert_close(seen, camera.project(shapes)[some])
        torch.testing.assert_close(camera.at(some).unit, camera.unit[some])
