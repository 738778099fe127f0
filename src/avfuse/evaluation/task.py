"""What every protocol turns a clip into: what a model is given, and what that is compared with."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.clip import ClipFile

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
    """

    truth: Video
    copy: Video
    landmarks: Float[np.ndarray, "T 68 2"]
    aperture: Float[np.ndarray, "T"]
    times: Float[Tensor, "T"]
    mel: Float[Tensor, "80 steps"] | None
    given: Video | None = None


class Task(NamedTuple):
    """One clip as a protocol sets it.

    Attributes:
        images: what the model is given, at the size that it is trained for.
        target: what its frames are compared with.
        mel: of the true sound.
    """

    images: UInt8[np.ndarray, "T S S 3"]
    target: Target
    mel: Float[Tensor, "80 steps"]


class Protocol(NamedTuple):
    """A way to score a model.

    Attributes:
        name: on the command line and in files.
        copy: name of the baseline's row.
        task: from a clip and the model's size to what it is given and compared with.
    """

    name: str
    copy: str
    task: Callable[[ClipFile, int], Task]
