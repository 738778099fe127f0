"""Poisson blending (Pérez et al. 2003): what is pasted keeps its edges and takes on the light."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

_INSIDE = 0.5  # α from which a pixel is cloned


def cloned(
    motion: UInt8[np.ndarray, "H W 3"],
    frame: UInt8[np.ndarray, "H W 3"],
    alpha: Float32[np.ndarray, "H W"],
) -> UInt8[np.ndarray, "H W 3"]:
    """What is drawn, with its own gradients and, at the mask's edge, the frame's colours.

    OpenCV's seamless cloning. Where the mask reaches the picture's border, nothing is cloned.

    Args:
        motion: M.
        frame: what it is laid into.
        alpha: α; where it is above a half, M is solved for anew; elsewhere it is the frame.
    """
    mask = (alpha > _INSIDE).astype(np.uint8) * 255
    mask[[0, -1]] = mask[:, [0, -1]] = 0
    x, y, width, height = cv2.boundingRect(mask)
    if min(width, height) < 3:  # nothing to solve for
        return motion
    centre = (x + width // 2, y + height // 2)  # where OpenCV would put the mask's middle: there
    return cv2.seamlessClone(motion, frame, mask, centre, cv2.NORMAL_CLONE)
