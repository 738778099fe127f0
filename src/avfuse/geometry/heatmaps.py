"""Points drawn as a soft grey picture, through which gradients reach them."""

import torch
from jaxtyping import Float
from torch import Tensor


def heatmaps(
    points: Float[Tensor, "N P 2"], height: int, width: int, sigma: float
) -> Float[Tensor, "N 1 H W"]:
    """One picture of all points of each face: a Gaussian at each, the higher one where they meet.

    Everybody's Talkin' (Song et al., section 3.3.1), after Jakab et al. 2018.

    Args:
        points: in pixels, x before y; what lies outside is not seen.
        height: H, pixels.
        width: W, pixels.
        sigma: standard deviation of the Gaussians, pixels.

    Returns:
        1 at a point, and 0 far from all of them.
    """
    across, down = (
        _bumps(points[..., axis], length, sigma) for axis, length in ((0, width), (1, height))
    )
    return (down[..., :, None] * across[..., None, :]).amax(1, keepdim=True)


def _bumps(places: Float[Tensor, "N P"], length: int, sigma: float) -> Float[Tensor, "N P L"]:
    pixels = torch.arange(length, device=places.device, dtype=places.dtype)
    return torch.exp(-((pixels - places[..., None]) / sigma).square() / 2)
