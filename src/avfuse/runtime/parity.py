"""How far a runner's pictures are from those of float32 eager, in levels of 255."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.affine import transform
from avfuse.geometry.box import box_from_landmarks, crop, frame_to_crop, square_around
from avfuse.layers.warp import blend, warp
from avfuse.method import Method
from avfuse.runtime.runner import Runner
from avfuse.runtime.speaker import Speaker
from avfuse.sound.mel import mel_spectrogram, mel_windows
from avfuse.types import Framing, Planes, Seen

TOLERANCE = 2.0
"""The largest error of any pixel that is accepted, in levels."""

_FRAMES = 4


class Trial(NamedTuple):
    """A few frames of a procedural face and a procedural voice, as one method takes them.

    Attributes:
        heard: windows of four frames.
        seen: the frames; None for a method that makes whole frames.
        references: whom it meets first; None for a method that meets nobody.
    """

    heard: Float[Tensor, "T M S"]
    seen: Seen | None
    references: Seen | None


def composed(images: UInt8[Tensor, "N H W 3"] | None, planes: Planes) -> Float[Tensor, "N 3 H W"]:
    """The picture that eq. 7 makes of a crop, in levels, before they are rounded."""
    motion = planes.colour.movedim(-1, 1)
    given = None if images is None else images.permute(0, 3, 1, 2).float()
    if planes.flow is not None:
        assert given is not None  # a flow moves something
        motion = warp(given, planes.flow.movedim(-1, 1)) + motion
    if planes.mask is not None and given is not None:
        motion = blend(given, planes.mask.unsqueeze(1), motion)
    return motion.clamp(0, 255)


def largest_error(runner: Runner, reference: Runner, trial: Trial) -> float:
    """The largest difference of two runners' pictures in any pixel and channel, in levels.

    Args:
        runner: to be judged.
        reference: what it should equal.
        trial: what both are given.
    """
    one, other = (spoken(r, trial) for r in (runner, reference))
    return (one - other).abs().max().item()


def spoken(runner: Runner, trial: Trial) -> Float[Tensor, "T 3 H W"]:
    """What a runner makes of a trial."""
    planes = Speaker(runner, trial.references).step(trial.heard, trial.seen)
    return composed(None if trial.seen is None else trial.seen.images, planes)


def trial(method: Method) -> Trial:
    """The trial of a method, the same every time."""
    times = 0.2 * torch.arange(1, _FRAMES + 1, dtype=torch.float64)
    heard = mel_windows(mel_spectrogram(_voice(), method.hears.mel), times, method.hears)
    sight, count = (method.size, method.framing, method.whole), method.references
    seen = None if method.whole else _seen(*sight, _FRAMES)
    return Trial(heard, seen, _seen(*sight, count) if count else None)


@lru_cache(maxsize=4)
def _seen(size: int, framing: Framing, still: bool, count: int) -> Seen:
    """Frames as a method sees them; its square may stand still."""
    clip = synthetic_clip(11, seconds=0.04 * count, size=256)
    boxes = [box_from_landmarks(points) for points in clip.landmarks]
    boxes = [square_around(boxes)] * count if still else boxes
    images, landmarks = [], []
    for frame, points, square in zip(clip.frames, clip.landmarks, boxes, strict=True):
        box = square.framed(framing)
        images.append(crop(frame, box, size))
        landmarks.append(transform(points, frame_to_crop(box, size)))
    points = torch.from_numpy(np.stack(landmarks)).float()
    return Seen(torch.from_numpy(np.stack(images)), points)


@lru_cache(maxsize=1)
def _voice() -> Float[Tensor, "L"]:
    return torch.from_numpy(synthetic_clip(12, seconds=1.0, fps=1.0, size=32).waveform)
