"""How far a runner's pictures are from those of float32 eager, in levels of 255."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.box import box_from_landmarks, crop
from avfuse.layers.warp import blend, warp
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.runner import Planes, Runner
from avfuse.sound.mel import mel_spectrogram, mel_windows

TOLERANCE = 2.0
"""The largest error of any pixel that is accepted, in levels."""


def composed(crops: UInt8[Tensor, "N H W 3"], planes: Planes) -> Float[Tensor, "N 3 H W"]:
    """The picture that eq. 7 makes of a crop, in levels, before they are rounded."""
    images = crops.permute(0, 3, 1, 2).float()
    mask, change, flow = planes.mask.unsqueeze(1), *(p.movedim(-1, 1) for p in planes[1:])
    motion = warp(images, flow) + change
    return blend(images, mask, motion).clamp(0, 255)


def largest_error(
    runner: Runner,
    reference: Runner,
    crops: UInt8[Tensor, "N H W 3"],
    mel: Float[Tensor, "N 80 S"],
) -> float:
    """The largest difference of two runners' pictures in any pixel and channel, in levels.

    Args:
        runner: to be judged.
        reference: what it should equal.
        crops: faces.
        mel: windows, one a face.
    """
    one, other = (composed(crops, r(crops, r.prepare(mel))) for r in (runner, reference))
    return (one - other).abs().max().item()


def trial(generator: Generator) -> tuple[UInt8[Tensor, "4 H W 3"], Float[Tensor, "4 80 S"]]:
    """Four frames of a procedural face and moments of a procedural voice, the same every time."""
    crops, mel = _clip(generator.size)
    return crops, mel_windows(mel, torch.tensor([0.2, 0.4, 0.6, 0.8]), generator.audio.steps)


@lru_cache(maxsize=2)
def _clip(size: int) -> tuple[UInt8[Tensor, "4 H W 3"], Float[Tensor, "80 S"]]:
    clip = synthetic_clip(11, seconds=0.16, size=256)
    faces = zip(clip.frames, clip.landmarks, strict=True)
    crops = [crop(frame, box_from_landmarks(points), size) for frame, points in faces]
    voice = synthetic_clip(12, seconds=1.0, fps=1.0, size=32).waveform
    return torch.from_numpy(np.stack(crops)), mel_spectrogram(torch.from_numpy(voice))
