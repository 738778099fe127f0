"""Where speech shows: a soft mask over mouth and chin, drawn from the landmarks.

The mouth region mask of Everybody's Talkin' (Song et al., section 3.3.1): a polygon of landmarks,
filled, eroded, and smoothed by a Gaussian.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

OUTLINE = [*range(3, 14), 35, 31]
"""The jaw from beside the mouth around the chin, closed under the nose's wings.

That paper's outermost mouth points would leave no chin, and erosion would take the lips' own edge.
"""


def mouth_mask(
    landmarks: Float[Tensor, "N 68 2"],
    height: int,
    width: int,
    *,
    erode: float = 0.01,
    blur: float = 0.02,
) -> Float[Tensor, "N 1 H W"]:
    """The mask of each face, 1 inside and 0 outside; no gradient reaches the landmarks.

    Args:
        landmarks: in pixels, x before y; what lies outside the picture is cut off.
        height: H, pixels.
        width: W, pixels.
        erode: how far the polygon's edge retreats, in widths of the picture.
        blur: standard deviation of the Gaussian, in widths of the picture; above 0.
    """
    # Here, because speaking asks for masks now and then, and kornia takes a second to import.
    from kornia.filters import gaussian_blur2d
    from kornia.image import draw_convex_polygon
    from kornia.morphology import erosion

    outline = landmarks[:, OUTLINE].detach()
    mask = outline.new_zeros(len(outline), 1, height, width)
    mask = draw_convex_polygon(mask, outline, outline.new_ones(1))
    reach = 2 * round(erode * width) + 1
    for shape in ((reach, 1), (1, reach)):  # a square, one side after the other
        mask = erosion(mask, torch.ones(shape, device=mask.device))
    sigma = blur * width
    # The kernel ends inside the picture, which is reflected beyond its edges.
    sides = [2 * min(math.ceil(3 * sigma), length - 1) + 1 for length in (height, width)]
    return gaussian_blur2d(mask, (sides[0], sides[1]), (sigma, sigma))
