"""Appearance deflicker (eq. 7): what is coarse in a frame follows the frame before it."""

import math
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from avfuse.types import Planes


class Trail(NamedTuple):
    """What the frames so far have left, both in levels.

    Attributes:
        drawn: P_{t-1}.
        shown: O_{t-1}.
    """

    drawn: Float32[Tensor, "H W 3"]
    shown: Float32[Tensor, "H W 3"]


def deflickered(
    planes: Planes, trail: Trail | None, strength: float
) -> tuple[Planes, Trail | None]:
    """Take the flicker out of frames in a row.

    Args:
        planes: whose colour is the picture itself.
        trail: what the frames before left; None at the beginning.
        strength: by which λ is multiplied; 1 in the paper.

    Returns:
        Planes of O_t, and the trail for the frames that follow.
    """
    assert planes.mask is not None
    shown = []
    for drawn, mask in zip(planes.colour, planes.mask, strict=True):
        now = drawn if trail is None else _next(drawn, mask, trail, strength)
        trail = Trail(drawn, now)
        shown.append(now)
    colour = torch.stack(shown) if shown else planes.colour
    return planes._replace(colour=colour), trail


def _next(
    drawn: Float32[Tensor, "H W 3"], mask: Float32[Tensor, "H W"], trail: Trail, strength: float
) -> Float32[Tensor, "H W 3"]:
    flow = _flow(drawn, trail.drawn)
    before = _warped(trail.shown, flow)
    # Light that changes in the footage is no flicker: the frame before is lit like this one where
    # both are the footage's own. Eq. 7 has nothing of it, and would keep the first frame's light.
    around = (1 - mask)[..., None]
    light = ((drawn - before) * around).sum((0, 1)) / around.sum().clamp_min(1)
    # Root mean square: where lips part, most of what the mask covers stays where it is.
    moved = float(((flow.square().sum(2) * mask).sum() / mask.sum().clamp_min(1)).sqrt())
    return mixed(drawn, before + light, strength * math.exp(-moved))


def mixed(
    drawn: Float32[Tensor, "H W 3"], before: Float32[Tensor, "H W 3"], weight: float
) -> Float32[Tensor, "H W 3"]:
    """Eq. 7: F(O) = (4π²f² F(P) + λ F(W)) / (4π²f² + λ), f in cycles a pixel.

    Args:
        drawn: P, this frame.
        before: W, the last frame's result, warped to this one.
        weight: λ, above 0.
    """
    height, width = drawn.shape[:2]
    down, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    squared = 4 * math.pi**2 * (down[:, None].square() + across.square())[..., None]
    both = (torch.fft.rfft2(picture, dim=(0, 1)) for picture in (drawn, before))
    own, other = both
    spectrum = (squared * own + weight * other) / (squared + weight)
    return torch.fft.irfft2(spectrum, s=(height, width), dim=(0, 1))


def _flow(
    now: Float32[Tensor, "H W 3"], before: Float32[Tensor, "H W 3"]
) -> Float32[Tensor, "H W 2"]:
    """Where each pixel of a frame was in the one before, relative to itself, in pixels.

    The paper names no method; this is dense inverse search (Kroeger et al. 2016), OpenCV's.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    pictures = (_grey(now), _grey(before))
    return torch.from_numpy(search.calc(*pictures, np.zeros((*now.shape[:2], 2), np.float32)))


def _grey(picture: Float32[Tensor, "H W 3"]) -> UInt8[np.ndarray, "H W"]:
    return cv2.cvtColor(picture.clamp(0, 255).round().byte().numpy(), cv2.COLOR_RGB2GRAY)


def _warped(
    picture: Float32[Tensor, "H W 3"], flow: Float32[Tensor, "H W 2"]
) -> Float32[Tensor, "H W 3"]:
    x, y = cv2.split(flow.numpy())
    x = x + np.arange(flow.shape[1], dtype=np.float32)
    y = y + np.arange(flow.shape[0], dtype=np.float32)[:, None]
    moved = cv2.remap(picture.numpy(), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(moved)
