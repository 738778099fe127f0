"""A clip's own offset of sound against lips, and whether the two belong together at all.

Estimated by the library's own sync expert as in "Out of time" (Chung and Zisserman 2016,
section 4.2), between frames by a parabola. How exact that is, `avfuse.experts.sync.offsets` says.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.clip import Clip
from avfuse.geometry.lips import lip_aperture, upright_lips
from avfuse.metrics.mouth_crops import RATE, frames_at_rate, mouth_crops
from avfuse.metrics.sync import REACH, sync_curve
from avfuse.metrics.sync_expert import FRAMES, SyncExpert, load_expert

_SELDOM = 0.1  # cosine that a frame of offset costs, by the root of windows: films are near sync
_LEAST = 1.6  # frames; less is left as it is: clips in sync are read as up to 1.5 frames off
_FURTHEST = 12.0  # frames; beyond, the curve's end is too near to see a peak
_CONFIDENT = 0.1  # of a true clip, whoever speaks; see docs/training.md
_QUIET = -3.0  # mean mel level of the loudest steps: digital silence is -4, a quiet room -2.9
_STILL = 0.015  # of eyes to mouth; people who speak open their lips by 0.04 and more


class Offset(NamedTuple):
    """Where a clip's sound lies.

    Attributes:
        late: seconds that the sound comes after the lips; negative where it is early.
        confidence: the curve at that offset minus its median, 0 to 2.
    """

    late: float
    confidence: float


def in_sync(clip: Clip) -> Clip:
    """Move a clip's frames to the moments of its sound, and say what is wrong with the two.

    Less than 64 ms is left as it is, and so is a clip that is too short to tell.
    """
    doubt = _unheard(clip) or _unmoved(clip)
    if doubt or (found := offset(clip)) is None:
        return clip._replace(doubt=doubt)
    if doubt := _apart(found):
        return clip._replace(doubt=doubt)
    if abs(found.late) * RATE <= _LEAST:
        return clip
    return clip._replace(times=clip.times + found.late, late=found.late)


def offset(clip: Clip) -> Offset | None:
    """Where the sound of a clip lies; None where it is too short to tell, under 0.8 s.

    Args:
        clip: with a face; its sound at most 0.6 s off.
    """
    index = frames_at_rate(clip.times.numpy())
    if len(index) < FRAMES + REACH:
        return None
    pictures = (clip.frames[i].numpy() for i in index)
    mouths = torch.from_numpy(mouth_crops(pictures, clip.landmarks[index].numpy()))
    curve = sync_curve(_expert(), mouths, clip.times[index], clip.mel)
    return read_offset(curve, len(mouths) - FRAMES + 1)


def read_offset(curve: Float[Tensor, "offsets"], windows: int) -> Offset:
    """The likeliest offset.

    Not simply the curve's highest point: of a clip of a second or two, that may lie anywhere. Films
    are seldom far out of sync, so a frame of offset has to be worth 0.1 / √windows.

    Args:
        curve: by [`sync_curve`][avfuse.metrics.sync.sync_curve].
        windows: over how many it is a mean.
    """
    reach = len(curve) // 2
    cost = _SELDOM / windows**0.5 * (torch.arange(len(curve)) - reach).abs()
    peak = int((curve - cost).argmax())
    confidence = float(curve[peak] - curve.median())
    return Offset((peak - reach + _between(curve, peak)) / RATE, confidence)


def _between(curve: Float[Tensor, "offsets"], peak: int) -> float:
    """Top of the parabola through a peak and its neighbours, in frames from the peak."""
    if not 0 < peak < len(curve) - 1:
        return 0.0
    before, top, after = map(float, curve[peak - 1 : peak + 2])
    bend = before - 2 * top + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _unheard(clip: Clip) -> str:
    loudest = float(clip.mel.mean(0).quantile(0.95)) if clip.mel.numel() else -np.inf
    return "is silent" if loudest < _QUIET else ""


def _unmoved(clip: Clip) -> str:
    opening = lip_aperture(torch.from_numpy(upright_lips(clip.landmarks.numpy()))).numpy()
    return "" if np.nanstd(opening) > _STILL else "has lips that do not move"


def _apart(found: Offset) -> str:
    if found.confidence < _CONFIDENT:
        return "has lips that do not follow its sound"
    if abs(found.late) * RATE <= _FURTHEST:
        return ""
    side = "late" if found.late > 0 else "early"
    return f"has sound that seems {abs(found.late):.1f} s {side}, too far to be sure of"


@functools.cache
def _expert() -> SyncExpert:
    return load_expert()
