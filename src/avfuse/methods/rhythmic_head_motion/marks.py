"""Landmarks as a grey picture (section 4.2): the 68 points joined by lines."""

from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.lines import line_maps

LINES = (
    [*range(17)],  # jaw
    [*range(17, 22)],  # brows
    [*range(22, 27)],
    [*range(27, 31)],  # nose, from above, and its base
    [*range(31, 36)],
    [*range(36, 42), 36],  # eyes
    [*range(42, 48), 42],
    [*range(48, 60), 48],  # outer lips
    [*range(60, 68), 60],  # inner lips
)
"""Points that are joined, in order."""


def marks(points: Float[Tensor, "N 68 2"], size: int) -> Float[Tensor, "N 1 size size"]:
    """Draw landmarks, lines of 1 on 0.

    Args:
        points: in pixels.
        size: pixels a side.
    """
    return line_maps(points, LINES, size).to(points.device)
