"""The losses of section 4.4 that are no other method's, each a mean."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.layers.warp import warp
from avfuse.methods.rhythmic_head_motion.flow import Guide, Warped


def warping(
    guides: Sequence[Guide], warped: Sequence[Warped], target: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, ""]:
    """L_W: how far the guides are from the frame once they are moved, where they show anything.

    Of the flow loss of Wang et al. 2018 the half that needs no known flow.

    Args:
        guides: as they were given.
        warped: as they were moved.
        target: the frame.
    """
    pairs = zip(guides, warped, strict=True)
    return torch.stack([_apart(guide, moved, target) for guide, moved in pairs]).mean()


def _apart(guide: Guide, moved: Warped, target: Tensor) -> Tensor:
    shown = (guide.image.amax(1, keepdim=True) > 0).to(target)
    covered = warp(shown, moved.flow.detach())
    return (covered * (moved.image - target).abs()).mean()


def following(
    made: Float[Tensor, "B T 6"], true: Float[Tensor, "B T 6"], spread: Float[Tensor, "6"]
) -> Float[Tensor, ""]:
    """How far poses are off, and their changes from frame to frame, in the numbers' spread."""
    wrong = (made - true) / spread
    return wrong.abs().mean() + wrong.diff(dim=1).abs().mean()
