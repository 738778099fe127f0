"""The conditional feature map (section 3.4, Fig. 5): points in space as lines in the picture."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.methods.live_speech_portraits.points import LINES

_BITS = 4  # of a pixel's fraction, as OpenCV draws
_FAR = 8  # sides of the picture; nothing is drawn from further away


def condition_maps(
    face: Float[Tensor, "N P 2"], shoulders: Float[Tensor, "N S 2"], size: int
) -> Float[Tensor, "N 1 size size"]:
    """Draw maps: lines of 1 on 0, on the CPU.

    Args:
        face: the 73 points in pixels.
        shoulders: from the left to the right, each side by itself; none where none are seen.
        size: pixels a side.
    """
    half = shoulders.shape[1] // 2
    sides = (range(half), range(half, shoulders.shape[1]))
    points = torch.cat([face, shoulders], 1).detach().cpu().numpy()
    lines = [*LINES, *([face.shape[1] + place for place in side] for side in sides)]
    maps = np.stack([_drawn(each, lines, size) for each in points])
    return torch.from_numpy(maps[:, None]).float() / 255


def _drawn(
    points: Float[np.ndarray, "P 2"], lines: Sequence[Sequence[int]], size: int
) -> UInt8[np.ndarray, "size size"]:
    """One map; lines are a two hundred and fiftieth of its side wide."""
    canvas = np.zeros((size, size), np.uint8)
    places = np.clip(np.nan_to_num(points), -_FAR * size, _FAR * size)
    fixed = np.round(places * 2**_BITS).astype(np.int32)
    curves = [fixed[list(line)] for line in lines if len(line) > 1]
    thickness = max(1, round(size / 256))
    return cv2.polylines(canvas, curves, False, 255, thickness, cv2.LINE_AA, _BITS)
