"""The sounds of English by their names, and which of them is heard when."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from avfuse.sound.mel import STEP_RATE

SIL = "SIL"
"""The name of what is no speech: silence, breath, noise."""

PHONES = (
    *(SIL, "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G"),
    *("HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T"),
    *("TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)
"""The 39 phones of the CMU pronouncing dictionary, and `SIL`, which is number 0."""

UNKNOWN = -100
"""The label of a moment whose phone nobody knows; cross entropy leaves it out."""


class Phone(NamedTuple):
    """One phone of a recording.

    Attributes:
        name: one of `PHONES`; any other is unknown.
        start: seconds from the recording's start.
        end: seconds.
    """

    name: str
    start: float
    end: float


def step_labels(phones: list[Phone], steps: int) -> Int[Tensor, "S"]:
    """The phone at each mel step of a recording, by its place in `PHONES`.

    Args:
        phones: in order.
        steps: S, mel steps of the recording.

    Returns:
        Numbers; `UNKNOWN` where no phone is given, or one of another name.
    """
    labels = torch.full((steps,), UNKNOWN)
    numbers = {name: number for number, name in enumerate(PHONES)}
    for name, start, end in phones:
        first, last = round(start * STEP_RATE), round(end * STEP_RATE)
        labels[first:last] = numbers.get(name, UNKNOWN)
    return labels
