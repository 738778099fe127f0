"""Move pixels and blend them: a picture sampled where a flow says, laid over another."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def warp(
    image: Float[Tensor, "N C H W"], flow: Float[Tensor, "N 2 H W"]
) -> Float[Tensor, "N C H W"]:
    """Sample a picture at every pixel's place plus its flow, bilinearly.

    Beyond the border, the border's own pixels go on.

    Args:
        image: to sample from.
        flow: where each pixel of the result comes from, relative to itself, in pixels, x before y.
    """
    height, width = image.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(
        image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def blend(
    image: Float[Tensor, "N 3 H W"],
    mask: Float[Tensor, "N 1 H W"],
    motion: Float[Tensor, "N 3 H W"],
) -> Float[Tensor, "N 3 H W"]:
    """I' = I·(1-α) + M·α (eq. 7)."""
    return torch.lerp(image, motion, mask)
