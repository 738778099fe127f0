"""What the renderer is not shown: a square over lips, jaw and folds, filled with noise."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.box import MOUTH

_CHIN = 8
_ABOVE, _BELOW, _ASIDE = 0.7, 1.6, 1.15
"""How far the square reaches from the middle of the lips, in distances from there to the chin."""


def mouth_squares(resting: Float[Tensor, "N 68 2"]) -> Float[Tensor, "N 4"]:
    """Left, top, right and bottom of each face's square, in pixels.

    From the nose's base to well below the chin, so that a jaw that drops stays in it, and as wide.
    It is measured on the face at rest: a square that followed the lips would tell what they say.

    Args:
        resting: landmarks of the person in each frame's pose, with no expression.
    """
    middle = resting[:, MOUTH].mean(1)
    unit = (resting[:, _CHIN] - middle).norm(dim=1)
    x, y = middle.unbind(1)
    edges = (x - _ASIDE * unit, y - _ABOVE * unit, x + _ASIDE * unit, y + _BELOW * unit)
    return torch.stack(edges, 1)


def masked(
    images: Float[Tensor, "N 3 H W"],
    squares: Float[Tensor, "N 4"],
    noise: Float[Tensor, "*#N 3 H W"],
) -> Float[Tensor, "N 3 H W"]:
    """Fill each picture's square with noise."""
    x, y = (torch.arange(length, device=images.device) for length in images.shape[:1:-1])
    left, top, right, bottom = squares[..., None].unbind(1)
    across, down = (left <= x) & (x <= right), (top <= y) & (y <= bottom)
    inside = down[:, None, :, None] & across[:, None, None, :]
    return torch.where(inside, noise, images)
