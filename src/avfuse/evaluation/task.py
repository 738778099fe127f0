"""What every protocol turns a clip into: what a model is given, and what that is compared with."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.sound.mel import WAV2LIP
from avfuse.types import Framing, Seen

SIZE = 128
"""Pixels a side of the crops that are compared, as in papers 000 and 001."""

Video = UInt8[np.ndarray, "T size size 3"]


class Target(NamedTuple):
    """What one clip's videos are compared with.

    Attributes:
        truth: the true frames, (T, 128, 128, 3).
        copy: the baseline that needs no model, likewise.
        landmarks: of the true frames, or of the photo that they were laid onto, in their pixels.
        aperture: of the true lips, by the clip's labels.
        times: of the frames, in seconds of the sound.
        mel: of the true sound, or None where there is none.
        given: the frames that a method was given, where that is known.
        wrong: aperture of the lips in them, likewise by labels, where those move.
        closures: moments at which the lips have to be closed, in seconds of the sound.
    """

    truth: Video
    copy: Video
    landmarks: Float[np.ndarray, "T 68 2"]
    aperture: Float[np.ndarray, "T"]
    times: Float[Tensor, "T"]
    mel: Float[Tensor, "80 steps"] | None
    given: Video | None = None
    wrong: Float[np.ndarray, "T"] | None = None
    closures: tuple[float, ...] = ()


class Task(NamedTuple):
    """One clip as a protocol sets it for one method.

    Attributes:
        seen: what the method is given, at its size and as it is framed.
        target: what its frames are compared with.
        mel: of the true sound.
    """

    seen: Seen
    target: Target
    mel: Float[Tensor, "80 steps"]


class Protocol(NamedTuple):
    """A way to score a model on cached clips.

    Attributes:
        name: on the command line and in files.
        copy: name of the baseline's row.
        task: from a clip, and the size and framing of what a method sees, to what it is given and
            compared with.
        footage: whether what is given moves.
    """

    name: str
    copy: str
    task: Callable[[ClipFile, int, Framing], Task]
    footage: bool = False

    def check(self, method: Method) -> None:
        """Refuse a method that cannot be scored so.

        Raises:
            InputError: saying by which.
        """
        if self.footage and not method.footage:
            raise InputError(
                f"{self.name} changes footage, and this model speaks from a still picture; use "
                f"first-frame or videos"
            )
        if method.whole:
            raise InputError(f"{self.name} compares mouths in place; use videos for whole frames")
        if method.hears.mel != WAV2LIP:
            raise InputError(f"{self.name} has another mel than this model hears; use videos")

    def task_for(self, clip: ClipFile, method: Method) -> Task:
        """A clip as it is set for a method.

        Raises:
            InputError: the clip cannot be used.
        """
        return self.task(clip, method.size, method.framing)
