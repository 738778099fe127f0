"""Whether landmarks are where they should be and move as they should, lips and head.

D-L, D-V, D-Rot and D-Pos are those of Live Speech Portraits (Lu et al. 2021), table 2, which takes
them from MakeItTalk (Zhou et al. 2020). Neither gives formulae; where the words leave a choice, the
docstring names the one made here.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.metrics.base import Mean, comparable
from avfuse.metrics.lmd import SIDE, centred_mouth


def landmark_velocity(
    prediction: Float[Tensor, "T 68 2"],
    target: Float[Tensor, "T 68 2"],
    times: Float[Tensor, "T"],
    size: int = SIDE,
) -> Float[Tensor, "T-1"]:
    """Mean distance between the velocities of the 20 mouth points, each mouth about its centre.

    LMD's twin in time: lips that tremble, or stand still, can have a small LMD.

    Args:
        prediction: landmarks of a generated clip, pixels; NaN where no face was found.
        target: landmarks of the true clip.
        times: of the frames, seconds, rising.
        size: pixels a side of the crops that the landmarks were read in.

    Returns:
        Pixels of a 128² crop a second, for each pair of consecutive frames, (T - 1,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    motion = (centred_mouth(prediction) - centred_mouth(target)).diff(dim=0)
    seconds = times.diff().to(motion)
    return motion.norm(dim=-1).mean(-1) / seconds * (SIDE / size)


def face_width(landmarks: Float[Tensor, "T 68 D"]) -> Float[Tensor, ""]:
    """The widest distance of the jaw's two ends (points 0 and 16) in a clip; NaN without a face."""
    widths = (landmarks[:, 16] - landmarks[:, 0]).norm(dim=-1)
    known = widths[~widths.isnan()]
    return known.max() if known.numel() else widths.new_tensor(torch.nan)


def d_l(prediction: Float[Tensor, "T 68 D"], target: Float[Tensor, "T 68 D"]) -> Float[Tensor, "T"]:
    """D-L: mean distance of all landmarks, head motion included, over the width of the face.

    The width is the widest in the true clip, as MakeItTalk normalises its lips.

    Args:
        prediction: landmarks of a generated clip, 2-D or 3-D; NaN where no face was found.
        target: landmarks of the true clip, in the same unit.

    Returns:
        Percent of the face's width, (T,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return 100 * (prediction - target).norm(dim=-1).mean(-1) / face_width(target)


def d_v(
    prediction: Float[Tensor, "T 68 D"], target: Float[Tensor, "T 68 D"]
) -> Float[Tensor, "T-1"]:
    """D-V: mean distance of all landmarks' velocities over the width of the face.

    Velocity is the difference of consecutive frames, so only clips of one frame rate compare.

    Args:
        prediction: landmarks of a generated clip, 2-D or 3-D; NaN where no face was found.
        target: landmarks of the true clip, in the same unit.

    Returns:
        Percent of the face's width a frame, for each pair of consecutive frames, (T - 1,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    change = (prediction - target).diff(dim=0)
    return 100 * change.norm(dim=-1).mean(-1) / face_width(target)


def d_rot(prediction: Float[Tensor, "N 3"], target: Float[Tensor, "N 3"]) -> Float[Tensor, "N"]:
    """D-Rot: mean absolute difference of the head's three angles, the short way round.

    Args:
        prediction: pitch, yaw and roll, or another three angles, in degrees.
        target: the true ones, in the same order.

    Returns:
        Degrees, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return ((prediction - target + 180).remainder(360) - 180).abs().mean(-1)


def d_pos(
    prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"], width: float
) -> Float[Tensor, "N"]:
    """D-Pos: distance of the head's positions over the width of the face.

    Args:
        prediction: where the head is, 2-D or 3-D, in any unit.
        target: where it truly is.
        width: of the face, in the same unit; see
            [`face_width`][avfuse.metrics.landmark_motion.face_width].

    Returns:
        Percent of the face's width, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return 100 * (prediction - target).norm(dim=-1) / width


class LandmarkVelocity(Mean):
    """Velocity of the lips.

    [`landmark_velocity`][avfuse.metrics.landmark_motion.landmark_velocity], the mean over pairs of
    consecutive frames; one clip an update. Unit: pixels of a 128² crop a second. Lower is better.

    Args:
        size: pixels a side of the crops that the landmarks were read in.
    """

    is_differentiable = True
    higher_is_better = False

    def __init__(self, size: int = SIDE) -> None:
        super().__init__()
        self.size = size

    def update(
        self,
        prediction: Float[Tensor, "T 68 2"],
        target: Float[Tensor, "T 68 2"],
        times: Float[Tensor, "T"],
    ) -> None:
        self.add(landmark_velocity(prediction, target, times, self.size))


class DL(Mean):
    """D-L, [`d_l`][avfuse.metrics.landmark_motion.d_l].

    The mean over frames; one clip an update. Unit: % of the face's width. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(self, prediction: Float[Tensor, "T 68 D"], target: Float[Tensor, "T 68 D"]) -> None:
        self.add(d_l(prediction, target))


class DV(Mean):
    """D-V, [`d_v`][avfuse.metrics.landmark_motion.d_v].

    The mean over pairs of consecutive frames; one clip an update. Unit: % of the face's width a
    frame. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(self, prediction: Float[Tensor, "T 68 D"], target: Float[Tensor, "T 68 D"]) -> None:
        self.add(d_v(prediction, target))


class DRot(Mean):
    """D-Rot, [`d_rot`][avfuse.metrics.landmark_motion.d_rot].

    The mean over frames. Unit: degrees. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(self, prediction: Float[Tensor, "N 3"], target: Float[Tensor, "N 3"]) -> None:
        self.add(d_rot(prediction, target))


class DPos(Mean):
    """D-Pos, [`d_pos`][avfuse.metrics.landmark_motion.d_pos].

    The mean over frames. Unit: % of the face's width. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(
        self, prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"], width: float
    ) -> None:
        self.add(d_pos(prediction, target, width))
