"""What is shown while a face speaks: footage forth and back, one still picture, or a canvas."""

import itertools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.choose import one_face
from avfuse.method import Method
from avfuse.speaking.retime import retimed, what_shows, what_sounds
from avfuse.speaking.seen import Met, Search, Tracked
from avfuse.types import Seen
from avfuse.video.audio import origin_of, read_audio
from avfuse.video.bounce import forth_and_back
from avfuse.video.media import FilePath
from avfuse.video.read import PHOTO_FPS, TimedFrame, VideoInfo, frames, probe

INSTANT = 1e-3
"""Seconds of sound at the end that are not worth a frame; times are rounded."""


@runtime_checkable
class Scene(Protocol):
    """Frames without end, and whom a method meets before them.

    Attributes:
        info: of the frames.
        seen: the method's references; None where it meets nobody.
        heard: their sound; None where they are silent.
    """

    @property
    def info(self) -> VideoInfo: ...

    @property
    def seen(self) -> Seen | None: ...

    @property
    def heard(self) -> Float[Tensor, "K M S"] | None: ...

    def frames(self) -> Iterator[TimedFrame]:
        """What is shown, the first frame at 0."""

    def track(self, shown: Iterable[TimedFrame]) -> Iterator[Tracked]:
        """Find the face in every frame.

        Raises:
            InputError: once all of the footage was seen and none showed the face.
        """

    def check(self) -> None:
        """Refuse a scene that has not shown the face so far.

        Raises:
            InputError: it has not.
        """


def scene(
    method: Method,
    face: FilePath | None,
    search: Search,
    fps: float | None = None,
    sound: FilePath | None = None,
) -> Scene:
    """The scene in which a method works.

    Args:
        method: says by its facts what it needs.
        face: video or photo with a face; None for a method that needs none.
        search: how the face is found.
        fps: frames a second; None for the method's own, or the footage's.
        sound: what the footage is retimed to, where there is footage; None lets it run.

    Raises:
        InputError: the method needs what is not given, or the reverse; or as the video's reader.
    """
    if face is None:
        if method.footage or method.references:
            raise InputError("this model shows somebody's face; give a video or photo of it")
        return Canvas(method, fps)
    if method.whole and not method.references:
        raise InputError("this model has a face of its own; give no other")
    if sound is not None and not method.footage:
        raise InputError("this model shows no footage that could be retimed; give no retime")
    if method.footage and sound is not None:
        return Retimed(face, search, sound, fps)
    if method.footage:
        return Footage(face, search, fps)
    met = Met(method, face, search)
    return Canvas(method, fps, met) if method.whole else Still(method, fps, met)


class Footage:
    """A video or photo forth and back for ever. Memory does not grow.

    Args:
        face: of the video or photo.
        search: how the face is found.
        fps: frames a second; None keeps the footage's own times.
    """

    seen = heard = None

    def __init__(self, face: FilePath, search: Search, fps: float | None = None) -> None:
        info = probe(face)
        self.info = info if fps is None else info._replace(fps=checked_rate(fps))
        self._face, self._speaker = face, one_face(*search)
        self._length, self._rate = info.duration, fps

    def frames(self) -> Iterator[TimedFrame]:
        return forth_and_back(self._face, exact=True)

    def track(self, shown: Iterable[TimedFrame]) -> Iterator[Tracked]:
        tracked = self._checked(self._speaker.track(shown))
        return tracked if self._rate is None else at_rate(tracked, self._rate)

    def check(self) -> None:
        self._speaker.check_found(self._face)

    def _checked(self, tracked: Iterable[Tracked]) -> Iterator[Tracked]:
        for frame, face in tracked:
            yield frame, face
            if frame.time > self._length:  # the whole footage was seen
                self.check()


class Retimed(Footage):
    """A video forth and back, its frames held and skipped as the sound asks for it.

    The face is looked for in all of the video before the first frame is shown.

    Args:
        face: of the video or photo.
        search: how the face is found.
        sound: what it is to say.
        fps: frames a second; None for the footage's.
    """

    def __init__(
        self, face: FilePath, search: Search, sound: FilePath, fps: float | None = None
    ) -> None:
        super().__init__(face, search, fps)
        self._rate = None  # frames come at a steady rate already
        tracked = one_face(*search).track(frames(face, exact=True))
        showing = what_shows(found for _, found in tracked)
        heard = read_audio(sound, origin_of(sound, face))
        self._places = retimed(what_sounds(heard, self.info.fps), showing)

    def frames(self) -> Iterator[TimedFrame]:
        shown, at = super().frames(), -1
        places = itertools.chain(self._places, itertools.count(self._last + 1))
        for number, place in enumerate(places):
            while at < place:
                frame, at = next(shown), at + 1
            yield TimedFrame(frame.image.copy(), number / self.info.fps)

    @property
    def _last(self) -> int:
        return int(self._places[-1]) if len(self._places) else -1


class Still:
    """One picture over and over, at a steady rate.

    Args:
        method: what is to speak.
        fps: frames a second; None for the method's own, else those of the video that it is from.
        met: whose first frame is shown.
    """

    def __init__(self, method: Method, fps: float | None, met: Met) -> None:
        rate = checked_rate(fps or method.fps or met.info.fps)
        self.info = met.info._replace(fps=rate)
        self.seen, self.heard = met.seen, met.heard
        self._image, self._shown = met.first.image, met.face

    def frames(self) -> Iterator[TimedFrame]:
        return (TimedFrame(self._image, number / self.info.fps) for number in itertools.count())

    def track(self, shown: Iterable[TimedFrame]) -> Iterator[Tracked]:
        return ((frame, self._shown) for frame in shown)

    def check(self) -> None:
        """It was found before the first frame."""


class Canvas:
    """Nothing, of the size of what a method makes.

    Args:
        method: that makes whole frames.
        fps: frames a second; None for the method's own, else those of the video it met somebody in.
        met: whom it has met, if anybody.

    Raises:
        InputError: another rate than the method's own is asked for.
    """

    def __init__(self, method: Method, fps: float | None, met: Met | None = None) -> None:
        rate = fps or method.fps or (PHOTO_FPS if met is None else met.info.fps)
        size, rate = method.size, checked_rate(rate)
        if method.fps not in (None, rate):
            raise InputError(
                f"{rate:g} frames a second; this model makes {method.fps:g} frames a second, so "
                f"give no other rate"
            )
        self.info = VideoInfo(size, size, rate, 1 / rate, 1, True, Fraction(1), 2, 2)
        self.seen = None if met is None else met.seen
        self.heard = None if met is None else met.heard

    def frames(self) -> Iterator[TimedFrame]:
        empty = np.zeros((self.info.height, self.info.width, 3), np.uint8)
        return (TimedFrame(empty, number / self.info.fps) for number in itertools.count())

    def track(self, shown: Iterable[TimedFrame]) -> Iterator[Tracked]:
        return ((frame, None) for frame in shown)

    def check(self) -> None:
        """There is no face to be found."""


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
