"""Faces that do not swim: two-sided smoothing over time, so nothing lags behind the face."""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from statistics import median
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.faces.tracker import F, Face
from avfuse.geometry.box import Box

REACH = 0.4
"""How far a box looks before and after itself, in seconds; also the longest gap that is bridged."""

FADE = 0.2
"""Seconds over which a face's presence rises after it is found and falls before it is lost."""

LOOK_AHEAD = 40
"""At most so many frames are held back, however many the video has a second."""

# A gap that begins within the fade may be one that is bridged, which is known at its end.
_WINDOW = FADE + REACH
# Width of the Gaussian, in seconds: its weight at REACH is 4 %.
_SIGMA = 0.16
# How firmly the speed is held at zero, as a share of the Gaussian's variance. It matters where
# the window is one-sided (both ends of a track), where a free slope would double the noise.
_STILL = 0.25
# Landmarks are averaged with the moments in which they lay about as near as this, in units of the
# box's side: what stands still is steadied, lips that speak are left as they were read.
_STEADY = 0.006
# A sighting this many typical residuals off counts half.
_OUTLIER = 2.0
_EPSILON = 1e-6
# From x0, y0, x1, y1 to the centre's x and y, and the side.
_CENTRE_AND_SIDE = np.array([[0.5, 0, -1], [0, 0.5, 0], [0.5, 0, 1], [0, 0.5, 0]])


class Sighting(NamedTuple):
    """What a detector saw of one face in one frame, before smoothing.

    Attributes:
        box: the network's square.
        confidence: in [0, 1].
        track: changes when another shot or another face begins; nothing is smoothed across.
        landmarks: 68 points in pixels of the frame, x before y, or None.
    """

    box: Box
    confidence: float
    track: int
    landmarks: Float[np.ndarray, "68 2"] | None = None


class Seen(NamedTuple):
    """What a detector saw in one frame.

    Attributes:
        shot: changes with every cut; a face that comes or goes with the shot does not fade.
        faces: one sighting a track at most.
    """

    shot: int
    faces: tuple[Sighting, ...] = ()


class _Moment(NamedTuple):
    """A frame's time and shot, and what was seen in it, by number of track."""

    time: float
    shot: int
    faces: dict[int, Sighting]


class _Instant(NamedTuple):
    """A moment of the same shot, as one track sees it: how far off (seconds), and what was seen."""

    offset: float
    sighting: Sighting | None


def smooth(seen: Iterable[tuple[F, Seen]]) -> Iterator[tuple[F, tuple[Face, ...]]]:
    """Smooth each track, bridge its short gaps, fade at its ends; holds back 0.6 s of frames.

    Args:
        seen: frames in order of time, with what was seen in each.

    Yields:
        every frame, in order, with its faces by number of track.
    """
    past: deque[_Moment] = deque()
    ahead: deque[tuple[F, _Moment]] = deque()

    def settle() -> tuple[F, tuple[Face, ...]]:
        frame, now = ahead.popleft()
        while past and past[0].time < now.time - _WINDOW - _EPSILON:
            past.popleft()
        faces = _faces(now, [*past, now, *(moment for _, moment in ahead)])
        past.append(now)
        return frame, faces

    for frame, found in seen:
        by_track = {sighting.track: sighting for sighting in found.faces}
        ahead.append((frame, _Moment(frame.time, found.shot, by_track)))
        while frame.time - ahead[0][0].time > _WINDOW + _EPSILON or len(ahead) > LOOK_AHEAD:
            yield settle()
    while ahead:
        yield settle()


def _faces(now: _Moment, window: list[_Moment]) -> tuple[Face, ...]:
    """The faces of one moment, from all that was seen around it."""
    shot = [moment for moment in window if moment.shot == now.shot]
    tracks = sorted(set().union(*(moment.faces for moment in shot)))
    faces = (_face(track, now.time, shot) for track in tracks)
    return tuple(face for face in faces if face)


def _face(track: int, time: float, shot: list[_Moment]) -> Face | None:
    """The face of one track, or None where it is not seen and no short gap is bridged."""
    instants = [_Instant(moment.time - time, moment.faces.get(track)) for moment in shot]
    stretch = _stretch([i.offset for i in instants if i.sighting])
    if stretch is None:
        return None
    near = [i for i in instants if abs(i.offset) <= REACH + _EPSILON]
    seen = [i.sighting for i in near if i.sighting]
    times = np.array([i.offset for i in near if i.sighting])
    x, y, side = local_fit(times, np.array([s.box for s in seen]) @ _CENTRE_AND_SIDE)
    # Frames without a sighting count as zero: a bridged gap is less sure than what was seen.
    everywhere = _gauss(np.array([i.offset for i in near])).sum()
    confidence = _gauss(times) @ [s.confidence for s in seen] / everywhere
    half = side / 2
    box = Box(x - half, y - half, x + half, y + half)
    landmarks = _landmarks(times, seen)
    return Face(box, float(confidence), landmarks, track, _presence(instants, *stretch))


def _stretch(seen: list[float]) -> tuple[float, float] | None:
    """First and last sighting around offset 0 without a gap too long to bridge between them."""
    first = last = -math.inf
    for offset in seen:
        if offset - last > REACH + _EPSILON:
            if last >= 0:
                break
            first = offset
        last = offset
    return (first, last) if first <= 0 <= last else None


def _presence(instants: list[_Instant], first: float, last: float) -> float:
    """How far a face is faded in at offset 0, from where it is absent before and after."""
    absent = [-i.offset for i in instants if i.offset < first]
    absent += [i.offset for i in instants if i.offset > last]
    share = min(min(absent, default=FADE) / FADE, 1.0)
    return share**2 * (3 - 2 * share)


def _landmarks(
    times: Float[np.ndarray, "n"], seen: list[Sighting]
) -> Float[np.ndarray, "68 2"] | None:
    """The landmarks at time 0: steadied, or between their neighbours in a bridged gap."""
    read = [s.landmarks for s in seen if s.landmarks is not None]
    if len(read) < len(seen):
        return None
    points = np.array(read, np.float64)
    after = int(np.searchsorted(times, 0.0))
    if times[after] == 0.0:
        return steadied(times, points, after, _STEADY * seen[after].box.side)
    share = times[after] / (times[after] - times[after - 1])
    between: Float[np.ndarray, "68 2"] = share * points[after - 1] + (1 - share) * points[after]
    return between


def steadied(
    times: Float[np.ndarray, "n"], points: Float[np.ndarray, "n p c"], now: int, noise: float
) -> Float[np.ndarray, "p c"]:
    """Each point's mean over the moments in which it was where it is now.

    Weights fall both with time and with distance, so a point that moves by more than its noise is
    neither lagged nor damped.

    Args:
        times: seconds from the moment in question.
        points: where they were read, in the plane or in space.
        now: index of the moment in question.
        noise: distance that does not count as motion, in the points' unit.
    """
    offset = points - points[now]
    squared = np.einsum("npc,npc->np", offset, offset)
    weights = np.exp(-0.5 * ((times / _SIGMA) ** 2)[:, None] - 0.5 / noise**2 * squared)
    weights /= weights.sum(0)
    steady: Float[np.ndarray, "p c"] = points[now] + np.einsum("np,npc->pc", weights, offset)
    return steady


def local_fit(times: Float[np.ndarray, "n"], values: Float[np.ndarray, "n k"]) -> tuple[float, ...]:
    """A robust straight line through the values around time 0, read off at 0.

    Gaussian weights in time, three rounds of reweighting by the distance from the line. A line
    rather than a mean, or a moving face would lag where the window is one-sided.

    Args:
        times: seconds from the moment in question.
        values: what was measured; the last column is the scale the others are judged by.

    Returns:
        The k values at time 0.
    """
    near = _gauss(times)
    start, slope = _line(times, values, near)
    for _ in range(2):
        residual = np.linalg.norm(values - start - times[:, None] * slope, axis=1)
        # Not numpy's median, whose overhead would outweigh the rest on so few.
        typical = median(residual.tolist()) + 1e-3 * abs(start[-1]) + 1e-9
        start, slope = _line(times, values, near / (1 + (residual / (_OUTLIER * typical)) ** 2))
    return tuple(start.tolist())


def _line(
    times: Float[np.ndarray, "n"], values: Float[np.ndarray, "n k"], weights: Float[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """The weighted straight line through the values: where it is at time 0, and its slope."""
    total = weights.sum()
    mean_time = weights @ times / total
    mean = weights @ values / total
    lever = weights * (times - mean_time)
    slope = lever @ values / (lever @ times + _STILL * total * _SIGMA**2)
    return mean - mean_time * slope, slope


def _gauss(times: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    weights: Float[np.ndarray, "n"] = np.exp(-0.5 * (times / _SIGMA) ** 2)
    return weights
