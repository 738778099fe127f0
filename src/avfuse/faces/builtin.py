"""Faces out of the wheel: a cascade finds them, the library's own landmark network follows them."""

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from avfuse.faces.cascade import Cascade
from avfuse.faces.crop import Box, Frame, box_from_landmarks
from avfuse.faces.landmarks import LandmarkReader
from avfuse.faces.smooth import REACH, Sighting, smooth
from avfuse.faces.tracker import F, Face, Timed

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
# Where no face is found, the whole frame is searched again only after so many seconds.
_PAUSE = 0.1
# Two boxes that share less of their union are not one track.
_OVERLAP = 0.3
# Consecutive thumbnails that correlate less are two shots.
_CUT = 0.6

Thumbnail = UInt8[np.ndarray, "rows columns"]


class _Reading(NamedTuple):
    """What the network reads: points in pixels of the frame, their box, confidence in [0, 1]."""

    landmarks: Float[np.ndarray, "68 2"]
    box: Box
    confidence: float


class _Track(NamedTuple):
    """The face being followed: where and when (seconds) it was seen last."""

    number: int
    box: Box
    seen_at: float


class BuiltinTracker:
    """Follows the face that is largest when the track starts; reads its landmarks.

    A cascade searches whole frames at the start, after a cut, and while the face is lost. From
    then on the landmark network reads each frame around the landmarks of the one before.

    Args:
        reader: of landmarks; None takes the shipped network, on the CPU.
    """

    def __init__(self, reader: LandmarkReader | None = None) -> None:
        self._reader = LandmarkReader() if reader is None else reader
        self._cascade = Cascade()

    def track(self, frames: Iterable[F]) -> Iterator[tuple[F, Face | None]]:
        """Give every frame back, in order, with its smoothed face; holds back 0.4 s of frames."""
        return smooth(self._sightings(frames))

    def _sightings(self, frames: Iterable[F]) -> Iterator[tuple[F, Sighting | None]]:
        number, next_search = 0, -math.inf
        track: _Track | None = None
        thumbnail: Thumbnail | None = None
        for frame in frames:
            before, thumbnail = thumbnail, _thumbnail(frame.image)
            if before is not None and _is_cut(before, thumbnail):
                track, next_search = None, -math.inf
            reading = self._follow(frame, track) if track else None
            if reading is None and frame.time >= next_search:
                reading = self._search(frame.image)
                next_search = frame.time + _PAUSE
                if reading and not (track and _goes_on(track, reading.box, frame.time)):
                    number += 1
            if reading is None:
                yield frame, None
                continue
            track = _Track(number, reading.box, frame.time)
            yield frame, Sighting(reading.box, reading.confidence, number, reading.landmarks)

    def _search(self, image: Frame) -> _Reading | None:
        """The largest face anywhere in the frame that the network takes for one."""
        for box in self._cascade.find(image):
            reading = self._read(image, box)
            if reading.confidence >= _STARTS and _is_in(reading.box, image):
                # Once more, so that the first frame is read as all later ones are.
                return self._read(image, reading.box)
        return None

    def _follow(self, frame: Timed, track: _Track) -> _Reading | None:
        """The face of the track, if it is still near its last place."""
        if frame.time - track.seen_at > REACH:
            return None
        reading = self._read(frame.image, track.box)
        here = _is_in(reading.box, frame.image) and not _jumps(track.box, reading.box)
        return reading if here and reading.confidence >= _KEEPS else None

    def _read(self, image: Frame, box: Box) -> _Reading:
        """Read around the box, and again around what was read, until both agree."""
        for _ in range(_READINGS):
            landmarks, confidence = self._reader.read(image, box)
            around, box = box, box_from_landmarks(landmarks)
            shift, growth = _change(around, box)
            # Without a face, there is nothing to agree on.
            if max(shift, growth) < _SETTLED or confidence < _KEEPS or box.side < _SMALLEST:
                break
        return _Reading(landmarks, box, confidence)


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


def _goes_on(track: _Track, box: Box, time: float) -> bool:
    """Whether a face found anew is the one that was being followed."""
    return time - track.seen_at <= REACH and _overlap(track.box, box) >= _OVERLAP


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a.side**2 + b.side**2 - shared)


def _thumbnail(image: Frame) -> Thumbnail:
    """A few hundred pixels of the frame's green, enough to notice another shot."""
    step = max(min(image.shape[:2]) // 16, 1)
    return image[step // 2 :: step, step // 2 :: step, 1].copy()


def _is_cut(before: Thumbnail, now: UInt8[np.ndarray, "rows2 columns2"]) -> bool:
    """Whether another shot begins: a face in the old one's place must not be smoothed with it."""
    if before.shape != now.shape:
        return True
    a, b = (np.float64(t) - t.mean() for t in (before, now))
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return scale > 0 and float((a * b).sum()) < _CUT * scale
