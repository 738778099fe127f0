"""The motion disentangler, on heads whose pose is known."""

import numpy as np
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.rhythmic_head_motion.head import (
    EXPRESSIONS,
    IDENTITIES,
    camera_of,
    canonical,
    disentangled,
    landmarks_of,
    pose_numbers,
)

POSES = torch.tensor([[0.1, -0.3, 0.05, 0.02, -0.1, -1.2], [-0.2, 0.25, 0.0, -0.05, 0.0, -1.0]])


def someone(frames):
    identity, expression = torch.randn(IDENTITIES) * 0.5, torch.randn(frames, EXPRESSIONS) * 0.3
    return identity, expression


def test_poses_are_cameras_and_back():
    torch.testing.assert_close(pose_numbers(camera_of(POSES, 128), 128), POSES)


def test_a_pose_is_the_same_in_a_larger_picture():
    identity, expression = someone(2)
    small, large = (landmarks_of(identity, expression, POSES, size) for size in (64, 256))
    torch.testing.assert_close((small + 0.5) * 4 - 0.5, large)


def test_what_was_put_together_is_taken_apart():
    """Pose, and the landmarks; an identity may pass for an expression here and there."""
    identity, expression = someone(2)
    points = landmarks_of(identity, expression, POSES, 256)
    found = disentangled(points, 256)
    assert (found.poses - POSES)[:, :3].abs().max() < 0.06  # radians
    assert (found.poses - POSES)[:, 3:].abs().max() < 0.02
    again = landmarks_of(found.identity, found.expression, found.poses, 256)
    assert (again - points).norm(dim=2).mean() < 1.0


def test_motion_is_out_of_the_canonical_landmarks():
    """The same face in two poses has the same p."""
    identity, expression = someone(1)
    points = landmarks_of(identity, expression.expand(2, -1), POSES, 256)
    one, other = (disentangled(points[i : i + 1], 256) for i in range(2))
    shapes = [canonical(found.identity, found.expression)[0, :, :2] for found in (one, other)]
    moved = (points[0] - points[1]).norm(dim=1).mean() / 60
    assert (shapes[0] - shapes[1]).norm(dim=1).mean() < 0.15 * moved


def test_a_procedural_head_that_turns_is_seen_to_turn():
    """To the picture's right and down by known angles, beside itself looking ahead."""

    def pose(**turned):
        clip = synthetic_clip(7, seconds=0.04, size=128, **{"yaw": 0.0, "pitch": 0.0, **turned})
        return disentangled(torch.from_numpy(clip.landmarks), 128).poses[0]

    ahead = pose()
    for turned, axis in (({"yaw": 0.3}, 1), ({"pitch": 0.2}, 0)):
        (angle,) = turned.values()
        change = pose(**turned) - ahead
        assert np.argmax(change[:3].abs()) == axis
        assert 0.4 * angle < change[axis].abs() < 1.5 * angle  # its heads are flatter
