"""Lay the generated mouth back into the full frame: direct covering, no image fusion (IV-D)."""

from functools import lru_cache
from typing import Literal, TypeVar, cast

import cv2
import numpy as np
from jaxtyping import Float32

from avfuse.geometry.box import Box, Frame, frame_to_crop
from avfuse.types import Planes
from avfuse.video.poisson import cloned

Pixels = TypeVar("Pixels", bound=np.ndarray)

Blending = Literal["direct", "poisson"]
"""How a mouth is laid into the frame: by eq. 7 alone, or with the frame's colours at its edge."""

# Share of the crop's side over which the mask fades to nothing at each border, so that a box
# never shows, whatever the network says there.
_RAMP = 0.04


def paste(frame: Frame, box: Box, planes: Planes, blending: Blending = "direct") -> Frame:
    """Blend by eq. 7, I' = I·(1-α) + M·α, at the frame's own resolution.

    M is made here, with a flow from the frame itself, so what moves stays as sharp as it was: mask,
    colour and flow are smooth, and only they are scaled. Only pixels inside the box with α > 0
    change; all others are bit-identical to the frame's.

    Args:
        frame: the full frame, (H, W, 3) uint8; left as it is.
        box: where the crop was taken, in pixels of the frame; may reach beyond it.
        planes: what a network made of the crop, (s, s) pixels.
        blending: `direct`, or `poisson`: M takes on the colours that the frame has where the mask
            ends (see [`cloned`][avfuse.video.poisson.cloned]), which costs more.

    Returns:
        A new frame.

    Raises:
        ValueError: the planes are not squares of one size, or the box is empty.
    """
    colour = planes.colour.numpy()
    size = len(colour)
    shapes = [tuple(plane.shape[:2]) for plane in planes if plane is not None]
    if set(shapes) != {(size, size)}:
        raise ValueError(f"planes of {shapes} pixels: expected squares of one size")
    if not (box.side > 0 and box.height > 0):
        raise ValueError(f"box {tuple(box)}: expected x0 < x1 and y0 < y1")
    mask = np.ones((size, size), np.float32) if planes.mask is None else planes.mask.numpy()
    alpha = _ramped(mask)
    out = frame.copy()
    x0, y0, x1, y1 = _touched(alpha, box, frame)
    if x0 >= x1 or y0 >= y1:
        return out
    part = np.ascontiguousarray(out[y0:y1, x0:x1])
    place = Box(box.x0 - x0, box.y0 - y0, box.x1 - x0, box.y1 - y0), (x1 - x0, y1 - y0)
    opaque = _scaled(alpha, *place, cv2.BORDER_CONSTANT)
    motion = _scaled(colour, *place, cv2.BORDER_REPLICATE)
    if planes.flow is None:
        motion = np.clip(motion, 0, 255).round().astype(np.uint8)
    else:
        unit = np.array([box.side / size, box.height / size], np.float32)
        x, y = cv2.split(_scaled(planes.flow.numpy() * unit, *place, cv2.BORDER_REPLICATE))
        x += np.arange(x0, x1, dtype=np.float32)
        y += np.arange(y0, y1, dtype=np.float32)[:, None]
        moved = cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        motion = cv2.add(moved, motion, dtype=cv2.CV_8U)
    if blending == "poisson":
        motion = cloned(cast(Frame, motion), part, opaque)
    # Its weights are normalised by their sum + 1e-5: too little to change a rounded pixel.
    out[y0:y1, x0:x1] = cv2.blendLinear(part, cast(Frame, motion), 1 - opaque, opaque)
    return out


def _ramped(mask: Float32[np.ndarray, "s s"]) -> Float32[np.ndarray, "s s"]:
    """α, zero on the crop's border."""
    ramp = _ramp(len(mask))
    faded: Float32[np.ndarray, "s s"] = np.clip(mask, 0, 1) * ramp[:, None] * ramp
    return faded


@lru_cache(maxsize=8)
def _ramp(size: int) -> Float32[np.ndarray, "s"]:
    """0 at both ends, 1 from 4 % inwards, without a kink that the eye would see."""
    inwards = np.minimum(np.arange(size), np.arange(size)[::-1])
    share = np.clip(inwards / max(_RAMP * size, 1), 0, 1)
    return (share**2 * (3 - 2 * share)).astype(np.float32)


def _touched(
    alpha: Float32[np.ndarray, "s s"], box: Box, frame: Frame
) -> tuple[int, int, int, int]:
    """The frame's pixels that α > 0 can reach: x0, y0, x1, y1, clipped to box and frame."""
    x, y, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    if not width:
        return 0, 0, 0, 0
    low, high = [], []
    for first, count, start, end, limit in (
        (x, width, box.x0, box.x1, frame.shape[1]),
        (y, height, box.y0, box.y1, frame.shape[0]),
    ):
        scale = (end - start) / len(alpha)
        # One crop pixel more to either side: interpolation reaches that far.
        low.append(int(np.floor(max(start + (first - 1) * scale, start, 0))))
        high.append(int(np.ceil(min(start + (first + count + 1) * scale, end, limit))))
    return low[0], low[1], high[0], high[1]


def _scaled(plane: Pixels, place: Box, size: tuple[int, int], border: int) -> Pixels:
    """Resample a plane of the crop to the pixels of a part of the frame.

    Averages where the box is far smaller than the crop, or what is thin would alias.
    """
    least = min(place.side, place.height)
    shrink = round(len(plane) / least) if least < len(plane) else 1
    if shrink > 1:
        side = max(len(plane) // shrink, 1)
        plane = cast(Pixels, cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = frame_to_crop(place, len(plane))
    return cast(Pixels, cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=border))
