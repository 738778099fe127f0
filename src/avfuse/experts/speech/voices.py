"""Speech that nobody spoke: the procedural voice, whose phones are known to the step."""

import numpy as np
import torch

from avfuse.data.synthetic.phones import PAUSE, PHONES
from avfuse.data.synthetic.speech import STEP_RATE, articulate
from avfuse.data.synthetic.voice import SAMPLE_RATE, random_voice, synthesise
from avfuse.experts.speech.phones import SIL, Phone
from avfuse.experts.speech.recordings import Spoken, labelled

ENGLISH = {
    PAUSE: SIL,
    **dict(zip("aeiou@", ("AA", "EH", "IY", "OW", "UW", "AH"), strict=True)),
    **dict(
        zip("mbphfsStlnw", ["M", "B", "P", "HH", "F", "S", "SH", "T", "L", "N", "W"], strict=True)
    ),
}
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
