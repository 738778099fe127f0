"""Where the network looks: a square around eyes, mouth and chin, measured by the landmarks."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Frame = UInt8[np.ndarray, "H W 3"]
"""One upright RGB frame."""


class Box(NamedTuple):
    """A square in pixels of the frame, with fractions of a pixel; may reach beyond the frame."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def side(self) -> float:
        """Width and height in pixels."""
        return self.x1 - self.x0


EYES = slice(36, 48)
"""Both eyes in the 68-point order."""
MOUTH = slice(48, 68)
"""Outer (48 to 59) and inner (60 to 67) lips in the 68-point order."""

# The box in units of d, the distance from the eyes' centre to the mouth corners' centre. Mouth
# corners rather than lips: speaking does not move the box.
_ABOVE, _SIDE = 0.8, 3.0


def box_from_landmarks(landmarks: Float[np.ndarray, "68 2"]) -> Box:
    """The network's square: 0.8 d above the eyes, 2.2 d below, 1.5 d to either side."""
    eyes = landmarks[EYES].mean(0)
    corners = landmarks[[48, 54]].mean(0)
    unit = float(np.linalg.norm(corners - eyes))
    x0 = float((eyes[0] + corners[0]) / 2) - _SIDE / 2 * unit
    y0 = float(eyes[1]) - _ABOVE * unit
    return Box(x0, y0, x0 + _SIDE * unit, y0 + _SIDE * unit)


def crop(frame: Frame, box: Box, size: int) -> UInt8[np.ndarray, "size size 3"]:
    """Resample the box to size x size pixels; what lies beyond the frame repeats its edge."""
    interpolation = cv2.INTER_AREA if box.side > 2 * size else cv2.INTER_LINEAR
    if interpolation == cv2.INTER_AREA:  # far smaller: average first, or thin lines alias
        factor = int(box.side // size)
        frame = cv2.resize(frame, None, fx=1 / factor, fy=1 / factor, interpolation=interpolation)
        box = Box(*(edge / factor for edge in box))
    return cv2.warpAffine(
        frame,
        frame_to_crop(box, size),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def frame_to_crop(box: Box, size: int) -> Float[np.ndarray, "2 3"]:
    """The affine map from frame pixels to crop pixels, pixel centres at whole numbers."""
    scale = size / box.side
    # A pixel's centre lies half a pixel inside its edge, in either picture.
    shift_x = (0.5 - box.x0) * scale - 0.5
    shift_y = (0.5 - box.y0) * scale - 0.5
    return np.array([[scale, 0, shift_x], [0, scale, shift_y]], np.float32)
