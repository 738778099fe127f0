"""Faces anywhere in a frame, by nothing but OpenCV: its Haar cascade of frontal faces."""

from pathlib import Path

import cv2
import numpy as np

from avfuse.geometry.box import Box, Frame, box_from_points

# The frame is searched at this long side, for squares from this side upwards (pixels).
_LONG, _SMALLEST = 400, 24
# Overlapping hits that make a face. A false one costs the landmark network's refusal, no more.
_HITS = 4
# The rows of the eyes and of the mouth's corners, in sides of the cascade's square from its
# centre: medians over 21 clips of 10 people, in which they scatter by 0.02 and 0.04.
_EYES, _CORNERS = -0.10, 0.31


class Cascade:
    """Finds frontal faces: roughly, the box's side may be off by 15 %."""

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        self._classifier = cv2.CascadeClassifier(str(path))

    def find(self, image: Frame) -> list[Box]:
        """The network's square around each face, in pixels of the frame, the largest first."""
        height, width = image.shape[:2]
        scale = min(1.0, _LONG / max(height, width))
        columns, rows = max(round(width * scale), 1), max(round(height * scale), 1)
        small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
        hits = self._classifier.detectMultiScale(
            cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), 1.1, _HITS, minSize=(_SMALLEST, _SMALLEST)
        )
        squares = sorted(([float(v) for v in hit] for hit in hits), key=lambda hit: -hit[2])
        return [
            _box((x + side / 2) * width / columns, (y + side / 2) * height / rows, side / scale)
            for x, y, side, _ in squares
        ]


def _box(x: float, y: float, side: float) -> Box:
    """The network's square of a cascade's, given by its centre and side in pixels."""
    eyes, corners = (np.array([x, y + row * side]) for row in (_EYES, _CORNERS))
    return box_from_points(eyes, corners)
