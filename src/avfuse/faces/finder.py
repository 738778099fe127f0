"""Faces in one frame: a cascade finds them, the library's own landmark network reads them."""

import math
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.faces.cascade import Cascade
from avfuse.faces.landmarks import LandmarkReader
from avfuse.geometry.box import Box, Frame, box_from_landmarks

# The network's confidence that starts a track, and that keeps it: a head that turns away is still
# the face that was followed.
_STARTS, _KEEPS = 0.6, 0.35
# A reading is repeated around its own landmarks until the box moves and grows by less than this
# share of its side, but not more often than this.
_SETTLED, _READINGS = 0.06, 3
# From one frame to the next, a face moves by less than this share of its side, and grows by less
# than this factor.
_JUMP, _GROWTH = 0.6, 1.5
# A smaller box (pixels a side) shows the network nothing.
_SMALLEST = 12.0
# Two boxes that share less of their union are not one face.
_OVERLAP = 0.3


class Reading(NamedTuple):
    """What the network reads: points in pixels of the frame, their box, confidence in [0, 1]."""

    landmarks: Float[np.ndarray, "68 2"]
    box: Box
    confidence: float


class FaceFinder:
    """Finds faces anywhere in a frame, or again near a place where one was.

    Args:
        reader: of landmarks; None takes the shipped network, on the CPU.
    """

    def __init__(self, reader: LandmarkReader | None = None) -> None:
        self._reader = LandmarkReader() if reader is None else reader
        self._cascade = Cascade()

    def find(self, image: Frame, besides: Collection[Box] = ()) -> list[Reading]:
        """The faces that the network takes for some, the largest first.

        Args:
            image: upright RGB frame.
            besides: boxes of faces that are known already.
        """
        boxes = (box for box in self._cascade.find(image) if not is_among(box, besides))
        first = (self._read(image, box) for box in boxes)
        faces = (r for r in first if r.confidence >= _STARTS and _is_in(r.box, image))
        # Once more, so that the first frame is read as all later ones are. The cascade's own sizes
        # are too rough to sort by.
        again = [self._read(image, reading.box) for reading in faces]
        return sorted(again, key=lambda reading: -reading.box.side)

    def follow(self, image: Frame, box: Box) -> Reading | None:
        """The face whose box it was in the frame before, if it is still near."""
        reading = self._read(image, box)
        here = _is_in(reading.box, image) and not _jumps(box, reading.box)
        return reading if here and reading.confidence >= _KEEPS else None

    def _read(self, image: Frame, box: Box) -> Reading:
        """Read around the box, and again around what was read, until both agree."""
        for _ in range(_READINGS):
            landmarks, confidence = self._reader.read(image, box)
            around, box = box, box_from_landmarks(landmarks)
            shift, growth = _change(around, box)
            # Without a face, there is nothing to agree on.
            if max(shift, growth) < _SETTLED or confidence < _KEEPS or box.side < _SMALLEST:
                break
        return Reading(landmarks, box, confidence)


def is_among(box: Box, others: Collection[Box]) -> bool:
    """Whether one of the others is a box of the same face."""
    return any(_overlap(box, other) >= _OVERLAP for other in others)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a.side**2 + b.side**2 - shared)


def _change(before: Box, now: Box) -> tuple[float, float]:
    """How far a box has moved, in units of its side, and by how much it grew (log, absolute)."""
    shift_x = (now.x0 + now.x1 - before.x0 - before.x1) / 2
    shift_y = (now.y0 + now.y1 - before.y0 - before.y1) / 2
    growth = abs(math.log(max(now.side, 1e-6) / before.side))
    return math.hypot(shift_x, shift_y) / before.side, growth


def _jumps(before: Box, now: Box) -> bool:
    """Whether a box has changed by more than a face can from one frame to the next."""
    shift, growth = _change(before, now)
    return shift > _JUMP or growth > math.log(_GROWTH)


def _is_in(box: Box, image: Frame) -> bool:
    """Whether a box is large enough, and its centre lies in the frame."""
    height, width = image.shape[:2]
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return box.side >= _SMALLEST and 0 <= x < width and 0 <= y < height
