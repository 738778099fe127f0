"""Landmark distance of the mouth: whether the lips have the true shape."""

from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.box import MOUTH
from avfuse.metrics.base import Mean, comparable

SIDE = 128
"""Pixels a side of the crops in which ATVGnet and the dynamic-kernel paper measure."""


def lmd(
    prediction: Float[Tensor, "N 68 2"], target: Float[Tensor, "N 68 2"], size: int = SIDE
) -> Float[Tensor, "N"]:
    """Mean distance of the 20 mouth points, each mouth about its own centre.

    Source: Chen, Li, Maddox, Duan, Xu 2018. The values in the tables of ATVGnet (Chen et al. 2019)
    and of the dynamic-kernel paper (Ye et al.), 1.3 to 1.7, are such means.

    Args:
        prediction: landmarks of the generated frames, pixels; NaN where no face was found.
        target: landmarks of the true frames, read by the same network.
        size: pixels a side of the crops that the landmarks were read in.

    Returns:
        Pixels of a 128² crop, (N,); NaN where either has no face.

    Raises:
        ValueError: if the shapes differ.
    """
    return _distances(prediction, target, size).mean(-1)


def lmd_legacy_summed(
    prediction: Float[Tensor, "N 68 2"], target: Float[Tensor, "N 68 2"], size: int = SIDE
) -> Float[Tensor, "N"]:
    """[`lmd`][avfuse.metrics.lmd.lmd] as ATVGnet's script has it: the sum, 20 times as much.

    Args:
        prediction: as for `lmd`.
        target: as for `lmd`.
        size: as for `lmd`.

    Returns:
        Pixels of a 128² crop, summed over 20 points, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    return _distances(prediction, target, size).sum(-1)


class LMD(Mean):
    """Landmark distance of the mouth, [`lmd`][avfuse.metrics.lmd.lmd].

    The mean over frames that have a face in both. Unit: pixels of a 128² crop. Lower is better.

    Args:
        size: pixels a side of the crops that the landmarks were read in.
    """

    is_differentiable = True
    higher_is_better = False

    def __init__(self, size: int = SIDE) -> None:
        super().__init__()
        self.size = size

    def update(self, prediction: Float[Tensor, "N 68 2"], target: Float[Tensor, "N 68 2"]) -> None:
        self.add(lmd(prediction, target, self.size))


class LegacyLMD(Mean):
    """The summed landmark distance, [`lmd_legacy_summed`][avfuse.metrics.lmd.lmd_legacy_summed].

    The mean over frames that have a face in both. Unit: pixels of a 128² crop, summed over 20
    points. Lower is better.

    Args:
        size: pixels a side of the crops that the landmarks were read in.
    """

    is_differentiable = True
    higher_is_better = False

    def __init__(self, size: int = SIDE) -> None:
        super().__init__()
        self.size = size

    def update(self, prediction: Float[Tensor, "N 68 2"], target: Float[Tensor, "N 68 2"]) -> None:
        self.add(lmd_legacy_summed(prediction, target, self.size))


def centred_mouth(landmarks: Float[Tensor, "N 68 2"]) -> Float[Tensor, "N 20 2"]:
    """The mouth points about their own centre: what is left is the mouth's shape and turn."""
    mouth = landmarks[:, MOUTH]
    return mouth - mouth.mean(1, keepdim=True)


def _distances(
    prediction: Float[Tensor, "N 68 2"], target: Float[Tensor, "N 68 2"], size: int
) -> Float[Tensor, "N 20"]:
    a, b = map(centred_mouth, comparable(prediction, target))
    return (a - b).norm(dim=-1) * (SIDE / size)
