"""A face's frames and the sound's windows, made into frames that speak: the middle of Figure 3.

features(sound, face) -> fusion -> generator -> blend -> paste
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.tracker import Face
from avfuse.geometry.box import crop, frame_to_crop
from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.runtime.runner import Runner
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.video.paste import Spoken, paste
from avfuse.video.read import TimedFrame

CHUNK = 8
"""Frames a step of the network; more gain little and hold more frames in memory."""

INSTANT = 1e-3
"""Seconds of sound at the end that are not worth a frame; times are rounded."""

Tracked = tuple[TimedFrame, Face | None]
"""A frame, and the face in it that is to speak."""


@runtime_checkable
class Windows(Protocol):
    """The sound, as the network hears it."""

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T 80 S"]:
        """The mel windows centred on times, in seconds, that only grow."""


class Speech(NamedTuple):
    """What makes faces speak.

    Attributes:
        runner: of the network.
        size: pixels a side of the network's crops.
        watch: counts the stages `sound`, `faces`, `prepare`, `generator` and `paste`.
        mouth_only: whether nothing outside mouth and chin may change.
    """

    runner: Runner
    size: int
    watch: Stopwatch
    mouth_only: bool = False

    def frames(
        self, tracked: Iterable[Tracked], sound: Windows, chunk: int = CHUNK
    ) -> Iterator[tuple[TimedFrame, bool]]:
        """Make frames speak, some at a time.

        Args:
            tracked: frames in order of time.
            sound: what they are to say.
            chunk: frames a step of the network.

        Yields:
            every frame, and whether it speaks: those without a face pass as they are.

        Raises:
            InputError: mouth only, with a face whose landmarks are not known.
        """
        items = iter(tracked)
        while part := list(itertools.islice(items, chunk)):
            yield from self.chunk(part, sound)
            del part  # it is not held while the next one is gathered

    def chunk(
        self, tracked: Sequence[Tracked], sound: Windows
    ) -> Iterator[tuple[TimedFrame, bool]]:
        """One step of `frames`."""
        times = torch.tensor([frame.time for frame, _ in tracked], dtype=torch.float64)
        with self.watch.stage("sound"):
            mel = sound.windows(times)
        spoken = self._spoken(tracked, mel)
        for frame, face in tracked:
            if face is None:
                yield frame, False
                continue
            with self.watch.stage("paste"):
                limited = _limited(next(spoken), face, self.mouth_only)
                image = paste(frame.image, face.box, limited)
            yield frame._replace(image=image), True

    def _spoken(self, tracked: Sequence[Tracked], mel: Float[Tensor, "T 80 S"]) -> Iterator[Spoken]:
        """What the network makes of the faces that are there."""
        places = [i for i, (_, face) in enumerate(tracked) if face is not None]
        if not places:
            return iter(())
        with self.watch.stage("faces"):
            faces = [(frame.image, face.box) for frame, face in tracked if face is not None]
            crops = np.stack([crop(image, box, self.size) for image, box in faces])
        with self.watch.stage("prepare"):
            condition = self.runner.prepare(mel[places])
        with self.watch.stage("generator"):
            planes = self.runner(torch.from_numpy(crops), condition)
        return itertools.starmap(Spoken, zip(*(p.numpy() for p in planes), strict=True))


def _limited(spoken: Spoken, face: Face, mouth_only: bool) -> Spoken:
    """α where the face is: it comes and goes with the face, and may be held to mouth and chin."""
    mask = spoken.mask * np.float32(face.presence)
    if mouth_only:
        if face.landmarks is None:
            raise InputError("this faces backend reads no landmarks; give no --mouth-only with it")
        to_crop = torch.from_numpy(frame_to_crop(face.box, len(mask)))
        points = torch.from_numpy(face.landmarks).float() @ to_crop[:, :2].T + to_crop[:, 2]
        mask = mask * mouth_mask(points[None], *mask.shape)[0, 0].numpy()
    return spoken._replace(mask=mask)
