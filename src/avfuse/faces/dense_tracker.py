"""Dense points through a video: read on every face that another tracker follows, and steadied."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.faces.dense import DenseReader
from avfuse.faces.smooth import LOOK_AHEAD, REACH, steadied
from avfuse.faces.tracker import F, Face, FaceTracker, Timed

# As that of landmarks, in units of the box's side; all points of a mesh err together, and further.
_STEADY = 0.009


class _Moment(NamedTuple):
    """A frame's time (seconds), and the dense points that were read in it, by number of track."""

    time: float
    meshes: dict[int, Float[np.ndarray, "468 3"]]


class DenseTracker:
    """Follows faces by another tracker, and reads the dense points of each.

    Args:
        tracker: of faces; one that it gives no landmarks of has no dense points either.
        reader: of dense points; None takes the shipped network, on the CPU.
    """

    def __init__(self, tracker: FaceTracker, reader: DenseReader | None = None) -> None:
        self._tracker = tracker
        self._reader = DenseReader() if reader is None else reader

    def track(self, frames: Iterable[F], most: int = 1) -> Iterator[tuple[F, tuple[Face, ...]]]:
        """Give every frame back with its faces; holds back 0.4 s more than the tracker does."""
        return steadied_meshes(self._read(self._tracker.track(frames, most)))

    def _read(
        self, tracked: Iterable[tuple[F, tuple[Face, ...]]]
    ) -> Iterator[tuple[F, tuple[Face, ...]]]:
        for frame, faces in tracked:
            yield frame, tuple(self._with_mesh(frame, face) for face in faces)

    def _with_mesh(self, frame: Timed, face: Face) -> Face:
        if face.landmarks is None:
            return face
        return face._replace(mesh=self._reader.read(frame.image, face.landmarks))


def steadied_meshes(
    tracked: Iterable[tuple[F, tuple[Face, ...]]],
) -> Iterator[tuple[F, tuple[Face, ...]]]:
    """Steady the dense points of each track, as its landmarks are; holds back 0.4 s of frames.

    Args:
        tracked: frames in order of time, each with its faces.

    Yields:
        every frame, in order, with its faces.
    """
    past: deque[_Moment] = deque()
    ahead: deque[tuple[F, tuple[Face, ...], _Moment]] = deque()

    def settle() -> tuple[F, tuple[Face, ...]]:
        frame, faces, now = ahead.popleft()
        while past and past[0].time < now.time - REACH:
            past.popleft()
        moments = [*past, now, *(moment for _, _, moment in ahead)]
        past.append(now)
        return frame, tuple(_steadied(face, moments, now) for face in faces)

    for frame, faces in tracked:
        meshes = {face.track: face.mesh for face in faces if face.mesh is not None}
        ahead.append((frame, faces, _Moment(frame.time, meshes)))
        while frame.time - ahead[0][2].time > REACH or len(ahead) > LOOK_AHEAD:
            yield settle()
    while ahead:
        yield settle()


def _steadied(face: Face, moments: list[_Moment], now: _Moment) -> Face:
    if face.mesh is None:
        return face
    seen = [m for m in moments if face.track in m.meshes and abs(m.time - now.time) <= REACH]
    times = np.array([moment.time - now.time for moment in seen])
    points = np.array([moment.meshes[face.track] for moment in seen])
    mesh = steadied(times, points, int(np.searchsorted(times, 0.0)), _STEADY * face.box.side)
    return face._replace(mesh=mesh)
