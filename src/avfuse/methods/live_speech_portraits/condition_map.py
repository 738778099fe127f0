"""The conditional feature map (section 3.4, Fig. 5): points in space as lines in the picture."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.lines import line_maps
from avfuse.methods.live_speech_portraits.points import LINES


def condition_maps(
    face: Float[Tensor, "N P 2"], shoulders: Float[Tensor, "N S 2"], size: int
) -> Float[Tensor, "N 1 size size"]:
    """Draw maps: lines of 1 on 0, on the CPU.

    Args:
        face: the 73 points in pixels.
        shoulders: from the left to the right, each side by itself; none where none are seen.
        size: pixels a side.
    """
    half = shoulders.shape[1] // 2
    sides = (range(half), range(half, shoulders.shape[1]))
    lines = [*LINES, *([face.shape[1] + place for place in side] for side in sides)]
    return line_maps(torch.cat([face, shoulders], 1), lines, size)
