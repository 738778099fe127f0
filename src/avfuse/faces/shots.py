"""Where a video cuts to another shot: nothing of a face is carried over from the one before."""

import math
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Float

from avfuse.faces.tracker import F
from avfuse.geometry.box import Frame

# Change is 1 - correlation of consecutive thumbnails. So much of it is a cut in any case; so much
# is one if it is also so many times as much as in the frames around, for hands and heads take more
# than a frame to move. Within shots of real talking heads it stays below 0.06; from one GRID
# speaker to another, before the same wall, it is 0.13 to 0.49.
_UNLIKE, _NOTABLE, _SUDDEN = 0.4, 0.1, 4.0
# Frames around, before and after.
_AROUND = 2

Thumbnail = Float[np.ndarray, "rows columns 3"]


def shots(frames: Iterable[F]) -> Iterator[tuple[F, int]]:
    """Give every frame back with the number of its shot, counted from 0; holds back two."""
    shot = 0
    waiting: deque[F] = deque()
    changes: deque[float] = deque([0.0] * _AROUND, maxlen=2 * _AROUND + 1)
    before: Thumbnail | None = None
    for frame in frames:
        now = _thumbnail(frame.image)
        waiting.append(frame)
        changes.append(0.0 if before is None else _change(before, now))
        before = now
        if len(waiting) > _AROUND:
            shot += _is_cut(list(changes))
            yield waiting.popleft(), shot
    while waiting:
        changes.append(0.0)
        shot += _is_cut(list(changes))
        yield waiting.popleft(), shot


def _is_cut(changes: list[float]) -> bool:
    """Whether another shot begins with the frame of the middle one."""
    change = changes.pop(_AROUND)
    return change > _UNLIKE or (change > _NOTABLE and change > _SUDDEN * max(changes))


def _thumbnail(image: Frame) -> Thumbnail:
    """A few hundred pixels of the frame, about their mean colour, of length 1 or, if flat, 0."""
    step = max(min(image.shape[:2]) // 16, 1)
    thumbnail = image[step // 2 :: step, step // 2 :: step].astype(np.float64)
    thumbnail -= thumbnail.mean((0, 1))
    length = math.sqrt(np.vdot(thumbnail, thumbnail))
    return thumbnail / length if length > 0 else thumbnail


def _change(before: Thumbnail, now: Float[np.ndarray, "rows2 columns2 3"]) -> float:
    """How unlike two pictures are, whatever their light: 0 to 2."""
    if before.shape != now.shape:
        return 2.0
    if not (before.any() or now.any()):  # both flat, such as black
        return 0.0
    return 1 - float(np.vdot(before, now))
