"""A scene's frames and the sound's windows, made into frames that speak: the middle of Figure 3.

windows(sound) -> look -> prepare -> draw -> paste
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.tracker import Face
from avfuse.geometry.box import Box, Frame, frame_to_crop
from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.runtime.speaker import Speaker
from avfuse.speaking.seen import Tracked, look
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.types import Planes
from avfuse.video.paste import Blending, paste
from avfuse.video.read import TimedFrame

CHUNK = 8
"""Frames a step of the network; more gain little and hold more frames in memory."""

Spoken = Iterator[tuple[TimedFrame, bool]]
"""Frames, and whether each speaks: those without a face pass as they are."""


@runtime_checkable
class Windows(Protocol):
    """The sound, as the network hears it."""

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T M S"]:
        """The mel windows of times, in seconds, that only grow."""


class Speech:
    """What makes faces speak.

    Args:
        speaker: the method, and whom it has met.
        watch: counts the stages `sound`, `faces`, `prepare`, `generator` and `paste`.
        mouth_only: whether nothing outside mouth and chin may change.
        blending: how mouths are laid into frames, as of [`paste`][avfuse.video.paste.paste].
    """

    def __init__(
        self,
        speaker: Speaker,
        watch: Stopwatch,
        mouth_only: bool = False,
        blending: Blending = "direct",
    ) -> None:
        self._speaker, self._watch, self._mouth_only = speaker, watch, mouth_only
        self._method, self._blending = speaker.runner.method, blending

    def frames(self, tracked: Iterable[Tracked], sound: Windows, chunk: int = CHUNK) -> Spoken:
        """Make frames speak, some at a time.

        Args:
            tracked: frames in order of time.
            sound: what they are to say.
            chunk: frames a step of the network.

        Raises:
            InputError: mouth only, with a face whose landmarks are not known.
        """
        items, under_way = iter(tracked), deque[Callable[[], Spoken]]()
        while part := list(itertools.islice(items, chunk)):
            under_way.append(self.begin(part, sound))
            del part  # it is not held while the next one is gathered
            if len(under_way) > self._speaker.runner.ahead:
                yield from under_way.popleft()()
        while under_way:
            yield from under_way.popleft()()

    def begin(self, tracked: Sequence[Tracked], sound: Windows) -> Callable[[], Spoken]:
        """One step of `frames`, up to where the network draws; what ends it."""
        times = torch.tensor([frame.time for frame, _ in tracked], dtype=torch.float64)
        with self._watch.stage("sound"):
            heard = sound.windows(times)
        whole = self._method.whole
        shown = [i for i, (_, face) in enumerate(tracked) if whole or face is not None]
        with self._watch.stage("faces"):
            seen = None if whole else look(self._method, tracked)
        with self._watch.stage("prepare"):
            drawn = self._speaker.begin(heard, seen, shown)
        return lambda: self._end(tracked, drawn)

    def _end(self, tracked: Sequence[Tracked], drawn: Callable[[], Planes]) -> Spoken:
        with self._watch.stage("generator"):
            planes = drawn().each()
        for frame, face in tracked:
            if face is None and not self._method.whole:
                yield frame, False
                continue
            with self._watch.stage("paste"):
                image = self._shown(frame.image, face, next(planes))
            yield frame._replace(image=image), True

    def _shown(self, image: Frame, face: Face | None, planes: Planes) -> Frame:
        if face is None:  # the planes are the frame
            return planes.colour.clamp(0, 255).round().byte().numpy()
        box = face.box.framed(self._method.framing)
        planes = _limited(planes, box, face, self._mouth_only)
        return paste(image, box, planes, self._blending)


def _limited(planes: Planes, box: Box, face: Face, mouth_only: bool) -> Planes:
    """α where the face is: it comes and goes with the face, and may be held to mouth and chin."""
    size = len(planes.colour)
    mask = torch.ones(size, size) if planes.mask is None else planes.mask
    mask = mask * face.presence
    if mouth_only:
        if face.landmarks is None:
            raise InputError("this faces backend reads no landmarks; give no --mouth-only with it")
        to_crop = torch.from_numpy(frame_to_crop(box, size))
        points = torch.from_numpy(face.landmarks).float() @ to_crop[:, :2].T + to_crop[:, 2]
        mask = mask * mouth_mask(points[None], size, size)[0, 0]
    return planes._replace(mask=mask)
