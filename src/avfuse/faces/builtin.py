"""Faces out of the wheel: tracks through a video, with nothing to download."""

import math
from collections.abc import Iterable, Iterator
from itertools import count, groupby
from operator import itemgetter
from typing import NamedTuple

from avfuse.faces.finder import FaceFinder, Reading, is_among
from avfuse.faces.landmarks import LandmarkReader
from avfuse.faces.shots import shots
from avfuse.faces.smooth import REACH, Seen, Sighting, smooth
from avfuse.faces.tracker import F, Face, Timed
from avfuse.geometry.box import Box

# The whole frame is searched again after so many seconds: while a face is lost or there is none,
# and while all are followed but there may be more.
_SEARCHES, _LOOKS_ROUND = 0.1, 0.5


class _Track(NamedTuple):
    """A face being followed: where and when (seconds) it was seen last."""

    number: int
    box: Box
    seen_at: float


class BuiltinTracker:
    """Follows the faces that are largest when their tracks start; reads their landmarks.

    A cascade searches whole frames at the start, after a cut, and while a face is lost or more may
    be followed. From then on the landmark network reads each frame around the landmarks of the one
    before.

    Args:
        reader: of landmarks; None takes the shipped network, on the CPU.
    """

    def __init__(self, reader: LandmarkReader | None = None) -> None:
        self._finder = FaceFinder(reader)

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        """Give every frame back with its smoothed faces; holds back 0.6 s of frames and two."""
        return smooth(self._seen(frames, most))

    def _seen(self, frames: Iterable[F], most: int) -> Iterator[tuple[F, Seen]]:
        numbers = count()
        for shot, part in groupby(shots(frames), itemgetter(1)):
            tracks = _Tracks(self._finder, numbers, most)
            for frame, _ in part:
                yield frame, Seen(shot, tracks.see(frame))


class _Tracks:
    """The tracks of one shot.

    A track that is lost keeps its place for a while, or a hand before the speaker's face would
    hand its track to a bystander.

    Args:
        finder: of faces in one frame.
        numbers: of the tracks to come.
        most: tracks at a time.
    """

    def __init__(self, finder: FaceFinder, numbers: Iterator[int], most: int) -> None:
        self._finder, self._numbers, self._most = finder, numbers, most
        self._tracks: list[_Track] = []
        self._searched_at = -math.inf

    def see(self, frame: Timed) -> tuple[Sighting, ...]:
        """What the next frame shows of the tracks, those that begin with it included."""
        self._tracks = [t for t in self._tracks if frame.time - t.seen_at <= REACH]
        found = self._follow(frame)
        if len(found) < self._most and frame.time >= self._searched_at + self._pause(found):
            self._search(frame, found)
            self._searched_at = frame.time
        seen = [_Track(number, reading.box, frame.time) for number, reading in found.items()]
        self._tracks = sorted(seen + self._lost(found))
        return tuple(Sighting(r.box, r.confidence, n, r.landmarks) for n, r in found.items())

    def _follow(self, frame: Timed) -> dict[int, Reading]:
        """The faces near the places where they were, by number of track."""
        found: dict[int, Reading] = {}
        for track in self._tracks:
            reading = self._finder.follow(frame.image, track.box)
            # Two tracks that meet in one face: the older one has it.
            if reading and not is_among(reading.box, _boxes(found)):
                found[track.number] = reading
        return found

    def _search(self, frame: Timed, found: dict[int, Reading]) -> None:
        """Add faces from anywhere in the frame, for lost tracks and, where there is room, new."""
        for reading in self._finder.find(frame.image, _boxes(found)):
            if is_among(reading.box, _boxes(found)):
                continue
            lost = self._lost(found)
            again = next((t.number for t in lost if is_among(reading.box, [t.box])), None)
            if again is not None:
                found[again] = reading
            elif len(found) + len(lost) < self._most:
                found[next(self._numbers)] = reading
            if len(found) == self._most:
                return

    def _lost(self, found: dict[int, Reading]) -> list[_Track]:
        return [track for track in self._tracks if track.number not in found]

    def _pause(self, found: dict[int, Reading]) -> float:
        return _LOOKS_ROUND if found and not self._lost(found) else _SEARCHES


def _boxes(found: dict[int, Reading]) -> list[Box]:
    return [reading.box for reading in found.values()]
