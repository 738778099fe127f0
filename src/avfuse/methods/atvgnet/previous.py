"""ATVG-P over a picture: frames that lie on the frames before them, said as if all lay on it."""

from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor

from avfuse.types import Planes

_LEAST = 1e-6  # of a mask that anything is divided by; so little of a change cannot be seen


class Trail(NamedTuple):
    """What the frames so far have laid over the picture.

    Attributes:
        mask: A, how much of it they hide.
        change: A·M, what they show instead, as a change of the picture, in levels.
    """

    mask: Float32[Tensor, "H W"]
    change: Float32[Tensor, "H W 3"]


def onto_previous(planes: Planes, trail: Trail | None) -> tuple[Planes, Trail]:
    """Turn planes to be laid on the frame before into planes to be laid on the picture itself.

    v_t = α_t·m_t + (1-α_t)·v_{t-1}, all the way back to the picture, is A_t·M_t + (1-A_t)·i_p, with
    A_t = 1 - (1-α_t)(1-A_{t-1}) and A_t·M_t = α_t·m_t + (1-α_t)·A_{t-1}·M_{t-1}. The same holds for
    changes m_t - i_p in place of m_t, since A_t·i_p obeys it.

    Args:
        planes: of frames in a row, with masks; their colour is a change of the picture.
        trail: what the frames before left; None at the beginning.

    Returns:
        Planes, and the trail for the frames that follow.
    """
    assert planes.mask is not None
    mask, change = trail or (torch.zeros_like(planes.mask[0]), torch.zeros_like(planes.colour[0]))
    masks, colours = [], []
    for alpha, colour in zip(planes.mask, planes.colour, strict=True):
        mask = torch.lerp(mask, torch.ones_like(mask), alpha)
        change = torch.lerp(change, colour, alpha.unsqueeze(-1))
        masks.append(mask)
        colours.append(change / mask.clamp_min(_LEAST).unsqueeze(-1))
    laid = planes._replace(colour=torch.stack(colours), mask=torch.stack(masks))
    return laid, Trail(mask, change)
