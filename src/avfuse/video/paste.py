"""Lay the generated mouth back into the full frame: direct covering, no image fusion (IV-D)."""

from functools import lru_cache
from typing import TypeVar, cast

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from avfuse.faces.crop import Box, Frame, frame_to_crop

Image = UInt8[np.ndarray, "s s 3"]
Mask = UInt8[np.ndarray, "s s"] | Float[np.ndarray, "s s"]
Pixels = TypeVar("Pixels", bound=np.ndarray)

# Share of the crop's side over which the mask fades to nothing at each border, so that a box
# never shows, whatever the network says there.
_RAMP = 0.04


def paste(frame: Frame, box: Box, motion: Image, mask: Mask) -> Frame:
    """Blend by eq. 7, I' = I·(1-α) + M·α, at the frame's own resolution.

    The exact inverse of `crop`: what was cropped from a place returns to it. Only pixels inside
    the box with α > 0 change; all others are bit-identical to the frame's.

    Args:
        frame: the full frame, (H, W, 3) uint8; left as it is.
        box: where the crop was taken, in pixels of the frame; may reach beyond it.
        motion: motion image M, (s, s, 3) uint8.
        mask: attention mask α, (s, s); uint8 means α · 255, float means α in [0, 1].

    Returns:
        A new frame.

    Raises:
        ValueError: motion and mask are not squares of one size, or the box is empty.
    """
    size = motion.shape[0]
    if motion.shape != (size, size, 3) or mask.shape != (size, size):
        raise ValueError(
            f"motion image {motion.shape} and mask {mask.shape}: expected (s, s, 3) and (s, s)"
        )
    if not box.side > 0:
        raise ValueError(f"box {tuple(box)}: expected x0 < x1 and y0 < y1")
    alpha = _ramped(mask)
    motion, alpha = _matched(motion, alpha, box.side)
    out = frame.copy()
    x0, y0, x1, y1 = _touched(alpha, box, frame)
    if x0 >= x1 or y0 >= y1:
        return out
    part = out[y0:y1, x0:x1]
    to_crop = frame_to_crop(Box(box.x0 - x0, box.y0 - y0, box.x1 - x0, box.y1 - y0), len(alpha))
    to_part = to_crop, (x1 - x0, y1 - y0)
    opaque = _warp(alpha, *to_part, cv2.BORDER_CONSTANT)
    new = _warp(motion, *to_part, cv2.BORDER_REPLICATE)
    # Its weights are normalised by their sum + 1e-5: too little to change a rounded pixel.
    part[:] = cv2.blendLinear(np.ascontiguousarray(part), new, 1 - opaque, opaque)
    return out


def _ramped(mask: Mask) -> Float32[np.ndarray, "s s"]:
    """α as float32, zero on the crop's border."""
    alpha = np.asarray(mask, np.float32)
    if mask.dtype == np.uint8:
        alpha = alpha / np.float32(255)
    ramp = _ramp(len(alpha))
    faded: Float32[np.ndarray, "s s"] = np.clip(alpha, 0, 1) * ramp[:, None] * ramp
    return faded


@lru_cache(maxsize=8)
def _ramp(size: int) -> Float32[np.ndarray, "s"]:
    """0 at both ends, 1 from 4 % inwards, without a kink that the eye would see."""
    inwards = np.minimum(np.arange(size), np.arange(size)[::-1])
    share = np.clip(inwards / max(_RAMP * size, 1), 0, 1)
    return (share**2 * (3 - 2 * share)).astype(np.float32)


def _matched(
    motion: Image, alpha: Float32[np.ndarray, "s s"], side: float
) -> tuple[UInt8[np.ndarray, "r r 3"], Float32[np.ndarray, "r r"]]:
    """Bring both near the box's size by a whole factor, so that a bilinear warp does the rest.

    Averages where the box is far smaller, or thin lines alias; cubic where it is larger, for a
    cubic resize and a linear warp together cost a fifth of a cubic warp.
    """
    ratio = side / len(alpha)
    size = max(len(alpha) // round(1 / ratio), 1) if ratio < 1 else len(alpha) * round(ratio)
    if size == len(alpha):
        return motion, alpha
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    opacity = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    return (
        cv2.resize(motion, (size, size), interpolation=method),
        cv2.resize(alpha, (size, size), interpolation=opacity),
    )


def _touched(
    alpha: Float32[np.ndarray, "s s"], box: Box, frame: Frame
) -> tuple[int, int, int, int]:
    """The frame's pixels that α > 0 can reach: x0, y0, x1, y1, clipped to box and frame."""
    x, y, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    if not width:
        return 0, 0, 0, 0
    scale = box.side / len(alpha)
    limits = (frame.shape[1], frame.shape[0])
    low, high = [], []
    for first, count, start, end, limit in (
        (x, width, box.x0, box.x1, limits[0]),
        (y, height, box.y0, box.y1, limits[1]),
    ):
        # One crop pixel more to either side: interpolation reaches that far.
        low.append(int(np.floor(max(start + (first - 1) * scale, start, 0))))
        high.append(int(np.ceil(min(start + (first + count + 1) * scale, end, limit))))
    return low[0], low[1], high[0], high[1]


def _warp(
    crop: Pixels, to_crop: Float[np.ndarray, "2 3"], size: tuple[int, int], border: int
) -> Pixels:
    """Resample a crop to the pixels of a part of the frame."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(crop, to_crop, size, flags=flags, borderMode=border))
