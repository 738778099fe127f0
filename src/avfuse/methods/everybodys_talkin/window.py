"""The sliding window of the renderer's input: a frame, and those before it."""

import torch
from jaxtyping import Float
from torch import Tensor


def windows(
    frames: Float[Tensor, "T C H W"], before: Float[Tensor, "_ C H W"] | None, length: int
) -> tuple[Float[Tensor, "T D H W"], Float[Tensor, "_ C H W"]]:
    """Lay each frame behind those before it, the oldest first.

    Args:
        frames: in a row, at least one.
        before: the `length` - 1 frames that came earlier; None at the beginning, where the first
            frame stands for them.
        length: frames a window.

    Returns:
        The windows, and what is `before` the frames that follow.
    """
    if before is None:
        before = frames[:1].expand(length - 1, -1, -1, -1)
    every = torch.cat([before, frames])
    along = [every[first : first + len(frames)] for first in range(length)]
    return torch.cat(along, 1), every[len(frames) :]
