"""The face that a stream shows: footage without end, tracked, at the rate that is wanted."""

import itertools
import math
from collections.abc import Iterable, Iterator

from avfuse.errors import InputError
from avfuse.faces.choose import OneFace
from avfuse.speaking.speech import INSTANT, Tracked
from avfuse.video.bounce import forth_and_back
from avfuse.video.media import FilePath
from avfuse.video.read import probe


def footage(path: FilePath, speaker: OneFace, fps: float | None) -> Iterator[Tracked]:
    """A video or photo forth and back for ever, as `generate` sees it. Memory does not grow.

    Args:
        path: of the video or photo.
        speaker: follows the face.
        fps: frames a second; None keeps the footage's own times.

    Raises:
        InputError: as `forth_and_back`; or no face is found in all of the footage.
    """
    tracked = _checked(speaker.track(forth_and_back(path, exact=True)), path, speaker)
    return tracked if fps is None else at_rate(tracked, fps)


def _checked(tracked: Iterable[Tracked], path: FilePath, speaker: OneFace) -> Iterator[Tracked]:
    length = probe(path).duration
    for frame, face in tracked:
        if frame.time > length:  # the whole footage was seen
            speaker.check_found(path)
        yield frame, face


def at_rate(tracked: Iterable[Tracked], fps: float) -> Iterator[Tracked]:
    """At each moment of a steady rate, the frame that is shown then.

    Args:
        tracked: frames in order of time, the first at 0.
        fps: frames a second. Times are multiples of its inverse: they do not drift.
    """
    items = iter(tracked)
    (frame, face), following = next(items), next(items)
    for number in itertools.count():
        time = number / fps
        while following[0].time <= time + INSTANT:
            (frame, face), following = following, next(items)
        yield frame._replace(time=time), face


def checked_rate(fps: float) -> float:
    """A rate that can be shown.

    Raises:
        InputError: it is not above 0 and at most 480.
    """
    if not (math.isfinite(fps) and 0 < fps <= 480):
        raise InputError(f"{fps:g} frames a second; expected more than 0 and at most 480")
    return fps
