"""Faces with nothing but OpenCV: its Haar cascade, the line of the lips, and smoothing.

What the constants were measured on: 21 clips of 10 people (GRID s1 s2 s3 s4 s14 s17 s22 s23 and
two phone videos), labelled with 68 landmarks; units are the side a of the cascade's square. The
eyes lie 0.10 above its centre (medians of the clips: 0.083 to 0.118). The mouth's corners keep no
such place, 0.27 to 0.35 below it, which alone would put the box's side off by up to 14 %; but the
dark line of the lips lies 0.002 above them (-0.01 to 0.02; within a clip it scatters by 0.01).
With it, the smoothed box is off by at most 2.5 % of its side at the centre, and 7 % in size, in
90 % of the frames of each GRID clip; by 6 % and 11 % on the phone videos, whose heads turn.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.faces.crop import Frame, box_from_points
from avfuse.faces.smooth import REACH, Sighting, smooth
from avfuse.faces.tracker import F, Face, Timed

Grey = UInt8[np.ndarray, "rows columns"]

# The whole frame is searched at this long side, for squares from this side upwards (pixels).
_WHOLE, _SMALLEST = 400, 24
# Overlapping hits that a face needs in the whole frame, and around its last place.
_HITS_WHOLE, _HITS_NEAR = 5, 6
# Around its last place, the picture is scaled so that the face's square has this side (pixels),
# and reaches half as far again as the square; squares of these scales are tried, in these steps.
_NEAR, _MARGIN, _SCALES, _STEP = 64, 1.5, (0.82, 1.22), 1.06
# The search stays where it is until the face has moved or grown by this share of its side.
_STAY = 0.08
# Where no face is found, the whole frame is searched again only after so many seconds.
_PAUSE = 0.1
# So many hits around the last place are as sure as a cascade can be (median 35 to 75).
_SURE = 40
# Rows, in units of the square's side from its centre: the eyes, where the lips may be, and by how
# much the mouth's corners lie below the lips' dark line.
_EYES, _LIPS, _CORNERS = -0.10, (0.17, 0.40), 0.002
_ROWS = np.arange(*_LIPS, 0.004)
_USUAL = np.exp(-0.5 * ((_ROWS - 0.305) / 0.05) ** 2)
# A lip's thickness (rows), what a line without red lips still counts, and how much log(red/green)
# has to vary over the rows to mean anything.
_LIP, _FAINT, _GREY = 5, 0.1, 0.05
# How many frames a line is remembered for, and how far it moves as the mouth does (in units of
# the side).
_MEMORY, _LIPS_MOVE = 25, 0.02
# Another line takes over when it was this much darker over that time.
_DARKER = 1.25
# The lips' line is looked for this far to either side of the middle, and is at most this thick.
_BESIDE, _LIPS_THICKNESS = (0.06, 0.18), 0.13
# Two squares that share less of their union are not one track.
_OVERLAP = 0.3
# Consecutive thumbnails that correlate less are two shots.
_CUT = 0.6


class _Square(NamedTuple):
    """A face as the cascade sees it: centre and side, in pixels of the frame."""

    x: float
    y: float
    side: float


class _View(NamedTuple):
    """A part of a frame in grey, rescaled; pixels of the frame = pixels here * scale + origin."""

    grey: Grey
    x: int
    y: int
    scale_x: float
    scale_y: float


@dataclass
class _Track:
    """What is known of the face being followed.

    Attributes:
        number: of the track.
        anchor: around which the next frame is searched. It stays where it is while the face
            hardly moves: the same pixels under the same grid give the same hits.
        seen_at: seconds.
        lips: how dark a line each row of `_ROWS` was, averaged over the past.
        count: frames in that average.
        line: the row that was taken for the lips.
    """

    number: int
    anchor: _Square
    seen_at: float
    lips: Float[np.ndarray, "R"]
    count: int = 0
    line: int = 0


class CascadeTracker:
    """Follows the largest frontal face by OpenCV's cascade classifier.

    The whole frame is searched at the start and when the face is lost, else only the
    neighbourhood of its last place, at a few scales.
    """

    def __init__(self) -> None:
        path = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
        self._cascade = cv2.CascadeClassifier(str(path))

    def track(self, frames: Iterable[F]) -> Iterator[tuple[F, Face | None]]:
        """Give every frame back, in order, with its smoothed face; holds back 0.4 s of frames."""
        return smooth(self._sightings(frames))

    def _sightings(self, frames: Iterable[F]) -> Iterator[tuple[F, Sighting | None]]:
        number, next_search = 0, -np.inf
        track: _Track | None = None
        thumbnail: Grey | None = None
        for frame in frames:
            before, thumbnail = thumbnail, _thumbnail(frame.image)
            if before is not None and _is_cut(before, thumbnail):
                track, next_search = None, -np.inf
            sighting = self._near(frame, track) if track else None
            if sighting is None and frame.time >= next_search:
                found = self._largest(frame.image)
                if found is None:
                    next_search = frame.time + _PAUSE
                elif track is None or not _goes_on(track, found, frame.time):
                    number += 1
                    track = _Track(number, found, frame.time, np.zeros(len(_ROWS)))
                else:
                    track.anchor = found
                sighting = self._near(frame, track) if track and found else None
            yield frame, sighting

    def _largest(self, image: Frame) -> _Square | None:
        """The largest face anywhere in the frame."""
        height, width = image.shape[:2]
        view = _view(
            image, (0.0, 0.0, float(width), float(height)), min(1.0, _WHOLE / max(height, width))
        )
        hits = self._cascade.detectMultiScale(
            view.grey, 1.1, _HITS_WHOLE, minSize=(_SMALLEST, _SMALLEST)
        )
        if not len(hits):
            return None
        x, y, side, _ = (float(edge) for edge in max(hits, key=lambda hit: int(hit[2])))
        return _to_frame(view, x + side / 2, y + side / 2, side)

    def _near(self, frame: Timed, track: _Track) -> Sighting | None:
        """Search around the last place; every raw hit is a vote, and their mean is sub-pixel."""
        anchor = track.anchor
        reach = anchor.side * _MARGIN / 2
        edges = (anchor.x - reach, anchor.y - reach, anchor.x + reach, anchor.y + reach)
        view = _view(frame.image, edges, _NEAR / anchor.side)
        smallest, largest = (round(_NEAR * scale) for scale in _SCALES)
        if min(view.grey.shape) < smallest:
            return None
        hits = self._cascade.detectMultiScale(
            view.grey, _STEP, 0, minSize=(smallest, smallest), maxSize=(largest, largest)
        )
        if len(hits) < _HITS_NEAR:
            return None
        x, y, side, count = _mean_hit(np.asarray(hits, np.float64))
        square = _to_frame(view, x, y, side)
        lines = _darkness(view.grey, x, y, side) * (_FAINT + _redness(frame.image, square))
        lips = _lips(lines, track)
        track.seen_at = frame.time
        if track.count == 1 or _moved(anchor, square):
            track.anchor = square
        eyes = np.array([square.x, square.y + _EYES * square.side])
        corners = np.array([square.x, square.y + (lips + _CORNERS) * square.side])
        confidence = min(1.0, count / _SURE)
        return Sighting(box_from_points(eyes, corners), confidence, track.number)


def _goes_on(track: _Track, found: _Square, time: float) -> bool:
    """Whether a face found anew is the one that was being followed."""
    return time - track.seen_at <= REACH and _overlap(track.anchor, found) >= _OVERLAP


def _moved(anchor: _Square, now: _Square) -> bool:
    """Whether the face has left its anchor far enough to search around another place."""
    shift = max(abs(now.x - anchor.x), abs(now.y - anchor.y)) / anchor.side
    return shift > _STAY or abs(math.log(now.side / anchor.side)) > _STAY


def _view(image: Frame, edges: Sequence[float], scale: float) -> _View:
    """Cut out x0, y0, x1, y1 (what of it lies in the frame) and rescale it, in grey."""
    height, width = image.shape[:2]
    x0, y0 = max(int(edges[0]), 0), max(int(edges[1]), 0)
    x1, y1 = min(int(edges[2]) + 1, width), min(int(edges[3]) + 1, height)
    if x0 >= x1 or y0 >= y1:
        return _View(np.zeros((0, 0), np.uint8), x0, y0, 1.0, 1.0)
    grey = cv2.cvtColor(image[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY)
    columns, rows = max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(grey, (columns, rows), interpolation=method)
    return _View(small, x0, y0, (x1 - x0) / columns, (y1 - y0) / rows)


def _to_frame(view: _View, x: float, y: float, side: float) -> _Square:
    scale = (view.scale_x + view.scale_y) / 2
    return _Square(x * view.scale_x + view.x, y * view.scale_y + view.y, side * scale)


def _mean_hit(hits: Float[np.ndarray, "n 4"]) -> tuple[float, float, float, int]:
    """Centre, side and number of the hits that agree with their median."""
    squares = np.stack(
        [hits[:, 0] + hits[:, 2] / 2, hits[:, 1] + hits[:, 2] / 2, hits[:, 2]], axis=1
    )
    distance = np.abs(squares - np.median(squares, 0)).max(1)
    agreeing = squares[distance < 0.15 * _NEAR]
    if not len(agreeing):
        agreeing = squares
    x, y, side = agreeing.mean(0)
    return float(x), float(y), float(side), len(agreeing)


def _darkness(grey: Grey, x: float, y: float, side: float) -> Float[np.ndarray, "R"]:
    """How dark a line runs through each row of `_ROWS` in the middle of the face."""
    near, far = (round(offset * side) for offset in _BESIDE)
    middle = min(max(round(x), far), grey.shape[1] - far)
    left, right = grey[:, middle - far : middle - near], grey[:, middle + near : middle + far]
    rows = (left.mean(1) + right.mean(1)) / 2
    rows = np.convolve(np.pad(rows, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid")
    thickness = np.ones((round(_LIPS_THICKNESS * side) | 1, 1), np.uint8)
    # Closing fills what is darker than both of its sides and thinner than lips can be.
    closed = cv2.morphologyEx(rows[:, None], cv2.MORPH_CLOSE, thickness)[:, 0]
    return np.interp(y + _ROWS * side, np.arange(len(rows)) + 0.5, closed - rows)


def _redness(image: Frame, face: _Square) -> Float[np.ndarray, "R"]:
    """How red each row of `_ROWS` is, in [0, 1]: lips are, nostrils are not.

    All zero in a grey picture, or where the rows lie outside the frame.
    """
    height, width = image.shape[:2]
    x0, x1 = (int(face.x + offset * face.side) for offset in (-_BESIDE[1], _BESIDE[1]))
    y0, y1 = (round(face.y + row * face.side) for row in _LIPS)
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height or x1 - x0 < 4 or y1 - y0 < 4:
        return np.zeros(len(_ROWS))
    rows = cv2.resize(image[y0:y1, x0:x1], (4, len(_ROWS)), interpolation=cv2.INTER_AREA).mean(1)
    red = np.log((rows[:, 0] + 5) / (rows[:, 1] + 5))
    red = (red - red.min()) / max(float(np.ptp(red)), _GREY)
    # The line lies between the lips, over teeth at times: as red as the reddest row near it.
    near = np.ones((2 * _LIP + 1, 1), np.uint8)
    return cv2.dilate(red[:, None], near)[:, 0].astype(np.float64)


def _lips(lines: Float[np.ndarray, "R"], track: _Track) -> float:
    """How far below the square's centre the lips' line runs, in units of its side.

    The lines now, weighted by how near they are to the line that was darkest in the past:
    nostrils, a moustache or teeth may win a frame, and the box would jump.
    """
    track.count = min(track.count + 1, _MEMORY)
    track.lips = track.lips + (lines - track.lips) / track.count
    usual = _ROWS[_usual_line(track)]
    weights = (lines * np.exp(-0.5 * ((_ROWS - usual) / _LIPS_MOVE) ** 2)) ** 2
    total = float(weights.sum())
    return float((weights * _ROWS).sum()) / total if total > 0 else float(usual)


def _usual_line(track: _Track) -> int:
    """The darkest line of the past; another one has to be clearly darker to take its place."""
    past = cv2.blur(track.lips[:, None], (1, _LIP))[:, 0] * _USUAL
    darkest = int(np.argmax(past))
    near = slice(max(track.line - _LIP, 0), track.line + _LIP + 1)
    held = near.start + int(np.argmax(past[near]))
    if track.count == 1 or past[darkest] > _DARKER * past[held]:
        held = darkest
    track.line = held
    return held


def _overlap(a: _Square, b: _Square) -> float:
    """Intersection over union."""
    width = min(a.x + a.side / 2, b.x + b.side / 2) - max(a.x - a.side / 2, b.x - b.side / 2)
    height = min(a.y + a.side / 2, b.y + b.side / 2) - max(a.y - a.side / 2, b.y - b.side / 2)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (a.side**2 + b.side**2 - shared)


def _thumbnail(image: Frame) -> Grey:
    """A few hundred pixels of the frame's green, enough to notice another shot."""
    step = max(min(image.shape[:2]) // 16, 1)
    return image[step // 2 :: step, step // 2 :: step, 1].copy()


def _is_cut(before: Grey, now: UInt8[np.ndarray, "rows2 columns2"]) -> bool:
    if before.shape != now.shape:
        return True
    a, b = (np.float64(t) - t.mean() for t in (before, now))
    scale = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return scale > 0 and float((a * b).sum()) < _CUT * scale
