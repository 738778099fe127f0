"""Random utterances: which sound when, and from that, smoothly, what voice and mouth do."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from avfuse.data.synthetic.phones import CODAS, ONSETS, PAUSE, PHONES, VOWELS

STEP_RATE = 200
"""Articulation steps a second."""


class Mouth(NamedTuple):
    """What the mouth does at each time; ranges as in [`Phone`][avfuse.data.synthetic.phones.Phone].

    Attributes:
        aperture: distance of the inner lips, 0 to 1, (S,).
        spread: -1 rounded to 1 spread, (S,).
        tongue: height of the tongue, (S,).
        tuck: lower lip against the upper teeth, (S,).
    """

    aperture: Float[np.ndarray, "S"]
    spread: Float[np.ndarray, "S"]
    tongue: Float[np.ndarray, "S"]
    tuck: Float[np.ndarray, "S"]

    def at(self, times: Float[np.ndarray, "T"]) -> "Mouth":
        """The same at other times, seconds, (T,)."""
        steps = np.arange(len(self.aperture)) / STEP_RATE
        return Mouth(*(np.interp(times, steps, track) for track in self))


class Utterance(NamedTuple):
    """What is said, step by step (200 a second); the voice and the mouth both follow it.

    Attributes:
        formants: F1 to F3 of an average adult, Hz, (S, 3).
        voicing: amplitude of the voiced part, (S,).
        noise: amplitude of the noise, (S,).
        band: centre and width of the noise, Hz, (S, 2).
        level: loudness, amplitude, independent of the sounds, (S,).
        accent: pitch over the speaker's own, ratio, (S,).
        mouth: what the mouth does, each (S,).
    """

    formants: Float[np.ndarray, "S 3"]
    voicing: Float[np.ndarray, "S"]
    noise: Float[np.ndarray, "S"]
    band: Float[np.ndarray, "S 2"]
    level: Float[np.ndarray, "S"]
    accent: Float[np.ndarray, "S"]
    mouth: Mouth


def random_utterance(rng: np.random.Generator, seconds: float) -> Utterance:
    """Words of a language of its own, with pauses, that last `seconds` or a step longer."""
    steps = int(np.ceil(seconds * STEP_RATE)) + 1
    names, syllables, lengths = _random_words(rng, steps)
    return articulate(names, lengths, _random_levels(rng, syllables), _random_accents(rng, lengths))


def articulate(
    names: list[str],
    lengths: Int[np.ndarray, "K"],
    levels: Float[np.ndarray, "K"],
    accents: Float[np.ndarray, "K"],
) -> Utterance:
    """Join phones into smooth tracks.

    Args:
        names: the phones, K of them.
        lengths: steps that each lasts, (K,).
        levels: loudness of each, amplitude, (K,).
        accents: pitch of each over the speaker's own, ratio, (K,).

    Returns:
        The tracks, S = sum(lengths).
    """
    phones = [PHONES[name] for name in names]

    def track(column: list[float] | np.ndarray, milliseconds: float) -> np.ndarray:
        return _smooth(np.repeat(np.asarray(column, np.float64), lengths, 0), milliseconds)

    # A closure wins over coarticulation: in its middle the lips touch, however short it is.
    shut = np.clip(1.3 * track([p.shut for p in phones], 14.0), 0, 1.0)
    mouth = Mouth(
        aperture=track([p.aperture for p in phones], 26.0) * (1 - shut),
        spread=track([p.spread for p in phones], 45.0),
        tongue=track([p.tongue for p in phones], 25.0),
        tuck=track([p.tuck for p in phones], 18.0),
    )
    return Utterance(
        formants=track(np.array([p.formants for p in phones]), 18.0),
        voicing=track([p.voicing for p in phones], 7.0),
        noise=track([p.noise for p in phones], 6.0),
        band=np.repeat(np.array([p.band for p in phones]), lengths, 0),
        level=track(levels, 25.0),
        accent=track(accents, 60.0),
        mouth=mouth,
    )


def _random_words(
    rng: np.random.Generator, steps: int
) -> tuple[list[str], Int[np.ndarray, "K"], Int[np.ndarray, "K"]]:
    """Phones, the syllable that each belongs to, and their lengths, `steps` in all."""
    rate = rng.uniform(0.85, 1.25)
    names, syllables, lengths = [PAUSE], [0], [_length(rng, PAUSE, 0.6)]
    while sum(lengths) < steps:
        for _ in range(rng.integers(1, 5)):
            syllable = _random_syllable(rng)
            names += syllable
            syllables += [syllables[-1] + 1] * len(syllable)
            lengths += [_length(rng, name, rate) for name in syllable]
        if rng.random() < 0.4:
            names.append(PAUSE)
            syllables.append(syllables[-1] + 1)
            lengths.append(_length(rng, PAUSE, 1.0))
    ends = np.minimum(np.cumsum(lengths), steps)
    return names, np.array(syllables), np.diff(ends, prepend=0)


def _random_syllable(rng: np.random.Generator) -> list[str]:
    onset = ONSETS[rng.integers(len(ONSETS))]
    coda = CODAS[rng.integers(len(CODAS))]
    return [*onset, VOWELS[rng.integers(len(VOWELS))], *coda]


def _length(rng: np.random.Generator, name: str, rate: float) -> int:
    low, high = PHONES[name].seconds
    return max(3, round(rng.uniform(low, high) * rate * STEP_RATE))


def _random_levels(
    rng: np.random.Generator, syllables: Int[np.ndarray, "K"]
) -> Float[np.ndarray, "K"]:
    """Stress, ±7 dB a syllable, whatever its vowel is."""
    decibels = rng.uniform(-7, 7, syllables[-1] + 1)
    return np.asarray(10 ** (decibels[syllables] / 20))


def _random_accents(
    rng: np.random.Generator, lengths: Int[np.ndarray, "K"]
) -> Float[np.ndarray, "K"]:
    """Intonation: a slow fall and ±12 % a phone."""
    fall = np.linspace(1.1, 0.9, len(lengths))
    return fall * rng.uniform(0.88, 1.12, len(lengths))


def _smooth(track: np.ndarray, milliseconds: float) -> np.ndarray:
    """Gaussian smoothing over time (first axis), the ends repeated."""
    sigma = milliseconds / 1000 * STEP_RATE
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    pad = [(reach, reach)] + [(0, 0)] * (track.ndim - 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(track, pad, "edge"), len(kernel), 0)
    return np.asarray(windows @ kernel)
