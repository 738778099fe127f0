"""What is kept of a person beside the networks: face, camera, shoulders, and moments of footage."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from avfuse.geometry.camera import Pinhole, rotation_matrix
from avfuse.geometry.face_model import face_model
from avfuse.geometry.poses import bounced
from avfuse.methods.live_speech_portraits.head_pose import NUMBERS
from avfuse.methods.live_speech_portraits.points import DENSE, MOUTH, REST

_DISTANCE = 6.0  # of a face that nobody has filmed, in distances of its outer eye corners


class Person(nn.Module):
    """A person's own numbers, of the mean face until footage is taken.

    Poses are six numbers a frame: rotation vector (radians) and translation, in distances of the
    outer eye corners, before a pinhole camera that sees the renderer's picture.

    Args:
        size: pixels a side of the picture.
        moments: frames of the footage, at most, whose poses and upper face are kept.
        shoulders: points of the billboard; 0 for none.
        candidates: images that the renderer sees.

    Attributes:
        face: mean places of the 73 points in space.
        mouth_unit: root mean square displacement of a coordinate of the mouth's points.
        upper: how far the other points are from their mean, at each moment.
        poses: of each moment.
        count: of moments that are known.
        pose_mean: of the footage.
        pose_spread: standard deviation of each number.
        speed_spread: likewise of its change from frame to frame.
        focal: focal length in pixels.
        centre: where the camera's axis meets the picture, in pixels.
        board: the shoulders at the head's mean place.
        candidates: images, uint8.
    """

    face: Tensor
    mouth_unit: Tensor
    upper: Tensor
    poses: Tensor
    count: Tensor
    pose_mean: Tensor
    pose_spread: Tensor
    speed_spread: Tensor
    focal: Tensor
    centre: Tensor
    board: Tensor
    candidates: Tensor

    def __init__(self, size: int, moments: int, shoulders: int, candidates: int) -> None:
        super().__init__()
        pose = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, _DISTANCE])
        start = {
            "face": face_model().mean[DENSE],
            "mouth_unit": torch.tensor(0.02),
            "upper": torch.zeros(moments, len(REST), 3),
            "poses": pose.expand(moments, -1).clone(),
            "count": torch.zeros((), dtype=torch.long),
            "pose_mean": pose,
            "pose_spread": torch.full((6,), 0.05),
            "speed_spread": torch.full((6,), 0.005),
            "focal": torch.tensor(0.3 * _DISTANCE * size),
            "centre": torch.full((2,), (size - 1) / 2),
            "board": _board(shoulders),
            "candidates": torch.zeros(candidates, 3, size, size, dtype=torch.uint8),
        }
        for name, value in start.items():
            self.register_buffer(name, value)

    def moments(self, frames: Int[Tensor, "T"]) -> Int[Tensor, "T"]:
        """Which moment of the footage is shown in each frame: they go forth and back."""
        return bounced(frames, int(self.count))

    def spoken(
        self, mouths: Float[Tensor, "T V"], frames: Int[Tensor, "T"]
    ) -> Float[Tensor, "T P 3"]:
        """The face's points in space: lips and chin as spoken, all others as they were filmed.

        Args:
            mouths: displacements, in the mouth's unit.
            frames: their numbers.
        """
        shape = self.face.repeat(len(mouths), 1, 1)
        shape[:, MOUTH] += self.mouth_unit * mouths.reshape(len(mouths), -1, 3)
        if int(self.count):
            shape[:, REST] += self.upper[self.moments(frames)]
        return shape

    def camera(self, poses: Float[Tensor, "T 6"]) -> Pinhole:
        """What sees the head in these poses."""
        turned, away = rotation_matrix(poses[:, :3]), poses[:, 3:]
        return Pinhole(turned, away, float(self.focal), self.centre)

    def numbers(self, poses: Float[Tensor, "T 6"]) -> Float[Tensor, "T N"]:
        """What the pose network sees of frames in a row: pose and speed, of deviation 1."""
        speed = torch.cat([poses[:1] * 0, poses.diff(dim=0)])
        place = (poses - self.pose_mean) / self.pose_spread
        return torch.cat([place, speed / self.speed_spread], 1)

    def posed(self, numbers: Float[Tensor, "T N"]) -> Float[Tensor, "T 6"]:
        """The poses of such numbers; only the first six are used (section 4.2.3)."""
        return self.pose_mean + self.pose_spread * numbers[:, : NUMBERS // 2]


def _board(points: int) -> Float[Tensor, "S 3"]:
    """Shoulders that nobody has filmed: two level lines below the face."""
    away = torch.linspace(0.7, 1.6, points // 2)
    across = torch.cat([-away.flip(0), away])
    rest = across.new_tensor([1.5, _DISTANCE]).expand(len(across), -1)
    return torch.cat([across[:, None], rest], 1)
