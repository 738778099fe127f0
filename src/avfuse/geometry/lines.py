"""Points joined by lines, as a grey picture that a network is shown."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

_BITS = 4  # of a pixel's fraction, as OpenCV draws
_FAR = 8  # sides of the picture; nothing is drawn from further away


def line_maps(
    points: Float[Tensor, "N P 2"], lines: Sequence[Sequence[int]], size: int
) -> Float[Tensor, "N 1 size size"]:
    """Draw lines of 1 on 0, on the CPU, a two hundred and fiftieth of the picture's side wide.

    Args:
        points: of each picture, in pixels.
        lines: points that are joined, in order, by their numbers.
        size: pixels a side.
    """
    places = points.detach().cpu().numpy()
    maps = [_drawn(each, lines, size) for each in places]
    return torch.from_numpy(np.reshape(maps, (-1, 1, size, size))).float() / 255


def _drawn(
    points: Float[np.ndarray, "P 2"], lines: Sequence[Sequence[int]], size: int
) -> UInt8[np.ndarray, "size size"]:
    canvas = np.zeros((size, size), np.uint8)
    places = np.clip(np.nan_to_num(points), -_FAR * size, _FAR * size)
    fixed = np.round(places * 2**_BITS).astype(np.int32)
    curves = [fixed[list(line)] for line in lines if len(line) > 1]
    thickness = max(1, round(size / 256))
    return cv2.polylines(canvas, curves, False, 255, thickness, cv2.LINE_AA, _BITS)
