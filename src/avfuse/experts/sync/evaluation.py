"""How well similarities tell true sound from sound that is late, early or somebody else's."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from avfuse.metrics.sync import REACH, at_offset

SHIFTS = {"shift": range(2, REACH + 1), "shift2": [2], "shift3": [3], "shift5": [5]}
"""Frames early and late, by the name of what they show."""


class Embedded(NamedTuple):
    """A clip through the expert.

    Attributes:
        seen: of W windows that follow each other.
        heard: of the moments from (A - W) / 2 before the first window to as many after the last.
    """

    seen: Float[Tensor, "W D"]
    heard: Float[Tensor, "A D"]


def separation(clips: Sequence[Embedded]) -> dict[str, Tensor]:
    """Areas under the ROC curve of true sound against sound that is not.

    Args:
        clips: of any lengths.

    Returns:
        By `<level>_<sound>`. The level is `window`, single windows of 200 ms, or `clip`, the mean
        over a clip. The sound is the clip's own, 2 to 15 frames early or late, each as often
        (`shift`), or exactly 2, 3 or 5 frames (`shift2`, `shift3`, `shift5`), or that of each
        other clip (`other`, where there are others).
    """
    true = [at_offset(*clip, 0) for clip in clips]
    false = {
        name: [at_offset(*clip, sign * k) for clip in clips for k in shifts for sign in (-1, 1)]
        for name, shifts in SHIFTS.items()
    }
    if len(clips) > 1:
        others = (_voiced_by(a, b) for a in clips for b in clips if a is not b)
        false["other"] = [at_offset(*clip, 0) for clip in others]
    return {
        f"{level}_{name}": _area(flatten(true), flatten(wrong))
        for name, wrong in false.items()
        for level, flatten in (("window", torch.cat), ("clip", _means))
    }


def _voiced_by(picture: Embedded, sound: Embedded) -> Embedded:
    """One clip's pictures with another's sound, as long as both last."""
    windows = min(len(picture.seen), len(sound.seen))
    beyond = len(sound.heard) - len(sound.seen)
    return Embedded(picture.seen[:windows], sound.heard[: windows + beyond])


def _means(clips: list[Tensor]) -> Tensor:
    return torch.stack([similarities.mean() for similarities in clips])


def _area(true: Tensor, false: Tensor) -> Tensor:
    scores = torch.cat([true, false]) / 2 + 0.5  # torchmetrics expects values in [0, 1]
    return binary_auroc(scores, torch.cat([torch.ones_like(true), torch.zeros_like(false)]).long())
