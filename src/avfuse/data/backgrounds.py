"""Other backgrounds behind the faces of a batch, so that none of them comes to mean anything."""

import torch
from jaxtyping import Float
from kornia.filters import gaussian_blur2d
from kornia.image import draw_convex_polygon
from torch import Tensor

from avfuse.types import Batch

_SHARE = 0.3  # of the pairs; cut-out heads have no hair, so most stay whole
_ROOM = 1.08  # the outline in outlines of the face: ears and the jaw's shadow stay


@torch.no_grad()
def augment_backgrounds(batch: Batch) -> Batch:
    """Set some of the heads before another pair's picture, faded towards a colour of its own.

    Both of a pair stand before the same one, and so do all frames of a clip.
    """
    count, time, _, *size = batch.video1.shape
    device = batch.video1.device
    swapped = torch.rand(count, 1, 1, 1, 1, device=device) < _SHARE
    colour = torch.rand(count, 1, 3, 1, 1, device=device)
    behind = torch.lerp(
        batch.video1[:, :1].roll(1, 0), colour, torch.rand(count, 1, 1, 1, 1, device=device)
    )
    points = torch.cat([batch.landmarks1, batch.landmarks2]).flatten(0, 1)
    heads = torch.maximum(*head_mask(points, *size).chunk(2)).view(count, time, 1, *size)
    kept = torch.where(swapped, heads, 1.0)
    first, second = (torch.lerp(behind, v, kept) for v in (batch.video1, batch.video2))
    return batch._replace(video1=first, video2=second)


def head_mask(
    landmarks: Float[Tensor, "N 68 2"], height: int, width: int
) -> Float[Tensor, "N 1 H W"]:
    """A soft mask over jaw, cheeks and forehead, 1 inside.

    The forehead, of which landmarks know nothing, is the jaw turned over at the ears.

    Args:
        landmarks: in pixels, x before y.
        height: H, pixels.
        width: W, pixels.
    """
    jaw = landmarks[:, :17]
    ears = (jaw[:, :1] + jaw[:, -1:]) / 2
    outline = ears + _ROOM * (torch.cat([jaw, 2 * ears - jaw], 1) - ears)
    mask = outline.new_zeros(len(outline), 1, height, width)
    mask = draw_convex_polygon(mask, outline, outline.new_ones(1))
    return gaussian_blur2d(mask, (7, 7), (1.5, 1.5))
