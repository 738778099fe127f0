"""Colours beside those of the skin: what is lit and tanned otherwise looks alike in them."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.heatmaps import heatmaps

_SPOTS = ((41, 2, 31), (46, 14, 35), (28, 29, 30))
"""Skin that is not masked, each spot the middle of its landmarks: the cheeks, the nose."""

_REACH = 0.034  # standard deviation of a spot's Gaussian, in sides: a crop is as large as its face
_DARKEST = 0.04  # and 1 less that: the log-odds of black and white are infinite


def skin_shades(
    images: Float[Tensor, "N 3 H W"], resting: Float[Tensor, "N 68 2"]
) -> Float[Tensor, "N 3"]:
    """The log-odds of the skin's mean colour in each picture.

    Args:
        images: RGB in [0, 1].
        resting: landmarks of the person in each frame's pose, in pixels.
    """
    spots = torch.stack([resting[:, spot].mean(1) for spot in _SPOTS], 1)
    height, width = images.shape[-2:]
    near = heatmaps(spots, height, width, _REACH * width)
    colour = (images * near).sum((2, 3)) / near.sum((2, 3)).clamp_min(1e-6)
    return colour.clamp(_DARKEST, 1 - _DARKEST).logit()


def shaded(
    images: Float[Tensor, "N 3 H W"], shades: Float[Tensor, "N 3"]
) -> Float[Tensor, "N 3 H W"]:
    """Add to the log-odds of colours: black and white stay, and shades of 0 change nothing."""
    factor = shades.exp()[..., None, None]
    return images * factor / (1 + images * (factor - 1))
