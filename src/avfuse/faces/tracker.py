"""What finds faces: one protocol for every backend, and the backend that is told where to look."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from avfuse.errors import InputError
from avfuse.geometry.box import Box, Frame


@runtime_checkable
class Timed(Protocol):
    """A frame of a video, whatever carries it."""

    @property
    def image(self) -> Frame:
        """Upright RGB pixels, (H, W, 3) uint8."""

    @property
    def time(self) -> float:
        """When it is shown, in seconds; grows from frame to frame."""


F = TypeVar("F", bound=Timed)


class Face(NamedTuple):
    """One face in one frame.

    Attributes:
        box: the network's square, as `box_from_landmarks` defines it, in pixels of the frame.
        confidence: in [0, 1]; comparable within a backend only.
        landmarks: 68 points in pixels of the frame, x before y, or None where a backend has none.
        track: the same number in every frame in which the same face is followed without a break.
        presence: 1, falling to 0 over the frames before a face is lost and after it is found, so
            that what is laid over it may fade; a cut fades nothing.
        embedding: whose face it is, a vector of length 1: the dot product of two tells how alike
            they are. None where a backend has none, or does not see the face in this frame.
        mesh: the 468 dense points, x and y in pixels of the frame and depth in the same unit,
            growing away from the camera; None unless a
            [`DenseTracker`][avfuse.faces.dense_tracker.DenseTracker] read them.
    """

    box: Box
    confidence: float
    landmarks: Float[np.ndarray, "68 2"] | None = None
    track: int = 0
    presence: float = 1.0
    embedding: Float[np.ndarray, "E"] | None = None
    mesh: Float[np.ndarray, "468 3"] | None = None


@runtime_checkable
class FaceTracker(Protocol):
    """Follows faces through a video."""

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        """Give every frame back, in order, with its faces; streams.

        Tracks are numbered from 0 as they begin, the larger face first where several begin
        together. A track goes on while its face is seen, however large the faces that join it; a
        cut begins new ones.

        Args:
            frames: in order of time; at most a second of them is held back to look ahead.
            most: faces that are followed at a time; fewer cost less.

        Yields:
            each frame with its faces, by number of track; none where no face is.
        """


class FixedBox:
    """The same square in every frame, for a user who knows where the face is.

    Args:
        box: x0, y0, x1, y1 of a rectangle around the face in pixels, of any aspect; the square
            around it, with the same centre, is what the network sees.

    Raises:
        InputError: the four numbers do not span a rectangle.
    """

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        x0, y0, x1, y1 = box
        if not (all(map(math.isfinite, box)) and x0 < x1 and y0 < y1):
            raise InputError(
                f"the face box {x0:g},{y0:g},{x1:g},{y1:g} is no rectangle: "
                "give X0,Y0,X1,Y1 in pixels with X0 < X1 and Y0 < Y1"
            )
        half = max(x1 - x0, y1 - y0) / 2
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        self.box = Box(x - half, y - half, x + half, y + half)

    @classmethod
    def parse(cls, text: str) -> "FixedBox":
        """Read "X0,Y0,X1,Y1".

        Raises:
            InputError: not four numbers that span a rectangle.
        """
        try:
            x0, y0, x1, y1 = (float(part) for part in text.split(","))
        except ValueError:
            raise InputError(
                f"the face box {text!r} is not four numbers: give X0,Y0,X1,Y1 in pixels"
            ) from None
        return cls((x0, y0, x1, y1))

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        """Give every frame back with the box, as its one face.

        Raises:
            InputError: the box lies outside a frame.
        """
        for frame in frames:
            height, width = frame.image.shape[:2]
            x0, y0, x1, y1 = self.box
            if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
                raise InputError(
                    f"the face box {x0:g},{y0:g},{x1:g},{y1:g} lies outside the "
                    f"{width}x{height} frame: give X0,Y0,X1,Y1 in pixels of the frame"
                )
            yield frame, (Face(self.box, confidence=1.0),)
