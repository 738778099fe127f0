"""Where the network looks: a square around eyes, mouth and chin, measured by the landmarks."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.geometry.affine import compose
from avfuse.types import SQUARE, Framing

Frame = UInt8[np.ndarray, "H W 3"]
"""One upright RGB frame."""


class Box(NamedTuple):
    """A rectangle in pixels of the frame, with fractions of a pixel; may reach beyond the frame.

    That of a face is a square; what a method looks at need not be.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def side(self) -> float:
        """Width in pixels, and height, where it is a square."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """In pixels."""
        return self.y1 - self.y0

    def grown(self, factor: float) -> "Box":
        """The square around the same middle whose side is so many times this one's."""
        room = (factor - 1) / 2 * self.side
        return Box(self.x0 - room, self.y0 - room, self.x1 + room, self.y1 + room)

    def framed(self, framing: Framing) -> "Box":
        """The part of it, or of what is around it, at which a method looks."""
        if framing == SQUARE:
            return self
        x0, x1 = (self.x0 + share * self.side for share in (framing.left, framing.right))
        y0, y1 = (self.y0 + share * self.height for share in (framing.top, framing.bottom))
        return Box(x0, y0, x1, y1)


EYES = slice(36, 48)
"""Both eyes in the 68-point order."""
MOUTH = slice(48, 68)
"""Outer (48 to 59) and inner (60 to 67) lips in the 68-point order."""

# Rows: the mean of both eyes, and that of the mouth's corners.
_EYES_AND_CORNERS = np.zeros((2, 68))
_EYES_AND_CORNERS[0, EYES] = 1 / 12
_EYES_AND_CORNERS[1, [48, 54]] = 1 / 2
# The box in units of d, the distance from the eyes' centre to the mouth corners' centre. Mouth
# corners rather than lips: speaking does not move the box.
_ABOVE, _SIDE = 0.5, 2.5


def box_from_landmarks(landmarks: Float[np.ndarray, "68 2"]) -> Box:
    """The network's square: 0.5 d above the eyes, 2 d below, 1.25 d to either side."""
    return box_from_points(*eyes_and_corners(landmarks))


def eyes_and_corners(landmarks: Float[np.ndarray, "68 2"]) -> Float[np.ndarray, "2 2"]:
    """The middle of both eyes, and that of the mouth's corners."""
    return _EYES_AND_CORNERS @ landmarks


def box_from_points(eyes: Float[np.ndarray, "2"], corners: Float[np.ndarray, "2"]) -> Box:
    """The network's square from the centre of both eyes and the centre of the mouth's corners."""
    unit = math.dist(eyes, corners)
    x0 = float(eyes[0] + corners[0]) / 2 - _SIDE / 2 * unit
    y0 = float(eyes[1]) - _ABOVE * unit
    return Box(x0, y0, x0 + _SIDE * unit, y0 + _SIDE * unit)


def square_around(boxes: Sequence[Box]) -> Box:
    """One square that holds those of a clip's frames, but for the two in a hundred farthest out."""
    every = np.array(boxes, np.float64)
    low, high = np.percentile(every[:, :2], 2, 0), np.percentile(every[:, 2:], 98, 0)
    centre, half = (low + high) / 2, float((high - low).max()) / 2
    return Box(*map(float, centre - half), *map(float, centre + half))


def crop(frame: Frame, box: Box, size: int, roll: float = 0.0) -> UInt8[np.ndarray, "size size 3"]:
    """Resample the box to size x size pixels; what lies beyond the frame repeats its edge.

    Args:
        frame: upright RGB.
        box: in pixels of the frame.
        size: pixels a side.
        roll: degrees by which the box is turned around its middle, clockwise in the picture.
    """
    if (least := min(box.side, box.height)) > 2 * size:  # far smaller: average, or lines alias
        frame, box = _averaged(frame, box, int(least // size), roll)
    return cv2.warpAffine(
        frame,
        frame_to_crop(box, size, roll),
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _averaged(
    frame: Frame, box: Box, factor: int, roll: float
) -> tuple[UInt8[np.ndarray, "h w 3"], Box]:
    """The part of the frame around the box, averaged over factor x factor pixels, and its box."""
    around = _around(box, roll)
    (x, columns), (y, rows) = (
        _blocks(low, high, length, factor)
        for low, high, length in (
            (around.x0, around.x1, frame.shape[1]),
            (around.y0, around.y1, frame.shape[0]),
        )
    )
    part = frame[y : y + rows * factor, x : x + columns * factor]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    edges = ((box.x0 - x), (box.y0 - y), (box.x1 - x), (box.y1 - y))
    return small, Box(*(edge / factor for edge in edges))


def _around(box: Box, roll: float) -> Box:
    """What holds the box, turned by so many degrees."""
    if not roll:
        return box
    cosine, sine = abs(math.cos(math.radians(roll))), abs(math.sin(math.radians(roll)))
    x = (cosine * box.side + sine * box.height) / 2
    y = (sine * box.side + cosine * box.height) / 2
    middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return Box(middle[0] - x, middle[1] - y, middle[0] + x, middle[1] + y)


def _blocks(low: float, high: float, length: int, factor: int) -> tuple[int, int]:
    """First pixel and number of whole blocks that cover low..high, at least one, in the frame."""
    last = max(length // factor - 1, 0)
    first = min(max(int(low // factor) - 1, 0), last)
    end = min(max(int(high // factor) + 2, first + 1), last + 1)
    return first * factor, end - first


def frame_to_crop(box: Box, size: int, roll: float = 0.0) -> Float[np.ndarray, "2 3"]:
    """The affine map from frame pixels to crop pixels, pixel centres at whole numbers.

    Args:
        box: in pixels of the frame.
        size: pixels a side of the crop.
        roll: degrees by which the box is turned around its middle, clockwise in the picture.
    """
    across, down = size / box.side, size / box.height
    # A pixel's centre lies half a pixel inside its edge, in either picture.
    shift_x = (0.5 - box.x0) * across - 0.5
    shift_y = (0.5 - box.y0) * down - 0.5
    straight = np.array([[across, 0, shift_x], [0, down, shift_y]], np.float32)
    if not roll:
        return straight
    return compose(cv2.getRotationMatrix2D(((size - 1) / 2,) * 2, roll, 1.0), straight)
