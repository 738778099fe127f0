"""How the evaluation script published with ATVGnet prepares pictures; older tables follow it."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

SIDE = 256
"""Pixels a side to which the script resizes every picture, whatever its size."""


def as_scripts_see(
    pictures: Float[Tensor, "N 3 H W"], size: int | None = SIDE
) -> UInt8[np.ndarray, "N h w 3"]:
    """RGB in [0, 1] as uint8, resized by `cv2.INTER_AREA` unless `size` is None."""
    rounded = (pictures.detach().clamp(0, 1) * 255).round().byte()
    frames = rounded.permute(0, 2, 3, 1).cpu().numpy()
    if size is None or not len(frames):
        return frames
    resized = [cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in frames]
    return np.stack(resized)
