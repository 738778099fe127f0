"""Speech that nobody spoke: the procedural voice, whose phones are known to the step."""

import numpy as np
import torch

from avfuse.data.synthetic.phones import PAUSE, PHONES
from avfuse.data.synthetic.speech import STEP_RATE, articulate
from avfuse.data.synthetic.voice import SAMPLE_RATE, random_voice, synthesise
from avfuse.experts.speech.phones import SIL, Phone
from avfuse.experts.speech.recordings import Spoken, labelled

_NAMES = (
    f"{PAUSE} {SIL} a AA e EH i IY o OW u UW @ AH m M b B p P h HH f F s S S SH t T l L n N w W"
)

ENGLISH = dict(zip(_NAMES.split()[::2], _NAMES.split()[1::2], strict=True))
"""What the sounds of the invented language are called in English."""


def invented_speech(seed: int, phones: int = 30) -> Spoken:
    """A recording of the procedural voice with the phones that it says; speaker `invented/<seed>`.

    Args:
        seed: of voice and words.
        phones: how many it says, in any order.
    """
    rng = np.random.default_rng((seed, 77))
    names = [PAUSE, *rng.choice(list(PHONES), phones), PAUSE]
    lengths = np.array([_length(name, rng) for name in names])
    even = np.ones(len(names))
    utterance = articulate(names, lengths, even, even)
    ends = np.cumsum(lengths) / STEP_RATE
    samples = int((ends[-1] - 1 / STEP_RATE) * SAMPLE_RATE)
    sound = synthesise(utterance, random_voice(rng), samples, rng)
    said = [
        Phone(ENGLISH[name], float(end - length / STEP_RATE), float(end))
        for name, end, length in zip(names, ends, lengths, strict=True)
    ]
    return labelled(torch.from_numpy(sound), said, f"invented/{seed}", "invented")


def _length(name: str, rng: np.random.Generator) -> int:
    low, high = PHONES[name].seconds
    return round(rng.uniform(low, high) * STEP_RATE) + 1
