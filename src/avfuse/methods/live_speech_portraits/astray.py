"""Heads that are not where they were filmed, and come home: what the pose network is trained on.

Of what was filmed alone, one frame by the true ones before it, nobody learns the way back: a head
that its own samples have led away wanders on. Neither is in the paper.
"""

import torch
from jaxtyping import Float
from torch import Tensor

HOME = 90.0
"""Frames in which a head that is astray comes home, all but 1/e of the way: 1.5 s."""

_OFTEN = 0.7  # share of the passages that begin astray
_DOUBT = 0.02, 0.3  # deviation of the noise over pose and speed that were
_DOUBTED = 0.8  # share of the passages that have it


def astray(
    numbers: Float[Tensor, "B T 12"], pace: Float[Tensor, "6"], spread: float
) -> Float[Tensor, "B T 12"]:
    """Passages that most often begin somewhere else than they did, and fall back into their way.

    Args:
        numbers: pose and speed, each of deviation 1 over the footage.
        pace: how many of the speed's deviations a deviation of the pose is, a frame.
        spread: deviation of where they begin; 0 leaves them as they are.
    """
    batch, count, _ = numbers.shape
    begin = spread * torch.randn(batch, 1, 6) * (torch.rand(batch, 1, 1) < _OFTEN)
    path = begin.to(numbers) * torch.exp(-torch.arange(count).to(numbers) / HOME)[:, None]
    speed = pace * torch.cat([torch.zeros_like(path[:, :1]), path.diff(dim=1)], 1)
    return numbers + torch.cat([path, speed], 2)


def doubted(before: Float[Tensor, "B T 12"]) -> Float[Tensor, "B T 12"]:
    """What was, with noise, as samples have it."""
    deviation = torch.tensor(_DOUBT).repeat_interleave(6) * (
        torch.rand(len(before), 1, 1) < _DOUBTED
    )
    return before + (deviation * torch.randn(before.shape)).to(before)
