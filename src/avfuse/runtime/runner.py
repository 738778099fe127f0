"""The protocol of everything that runs the network: uint8 crops and sound in, planes out."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from avfuse.types import Condition


class Planes(NamedTuple):
    """What a network made of a chunk of crops, on the CPU; `paste` lays it into the frames.

    Attributes:
        mask: attention mask α in [0, 1].
        change: what the motion image M adds to the warped crop, in levels of 255.
        flow: where each pixel of M comes from, relative to itself, in pixels, x before y.
    """

    mask: Float32[Tensor, "N H W"]
    change: Float32[Tensor, "N H W 3"]
    flow: Float32[Tensor, "N H W 2"]


@runtime_checkable
class Runner(Protocol):
    """A generator, ready to run in one way.

    The conversions from uint8 and to levels happen inside, where they can be fused, captured or
    exported together with the network.

    Attributes:
        name: what `runner_named` knows it by.
    """

    name: str

    def prepare(self, mel: Float[Tensor, "N 80 S"]) -> Condition:
        """The sound's side for a chunk of N frames in order of time; the result is folded."""

    def __call__(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """The frames' side.

        Args:
            crops: RGB, on the CPU; sides divisible by the generator's `stride`.
            condition: what `prepare` made of the same frames' sound.
        """


def tensors_of(condition: Condition) -> list[Tensor]:
    """Every tensor of a condition, in the order in which `Condition.map` visits them."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    condition.map(keep)
    return found
