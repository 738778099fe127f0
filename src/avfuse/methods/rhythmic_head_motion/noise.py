"""Noise under what the expression learner hears in training (section 3.2): 6 to 30 dB below it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.preprocess import VIDEOS
from avfuse.errors import InputError
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram
from avfuse.sound.noise import room_noise
from avfuse.video.audio import read_audio

RATIOS = tuple(range(6, 31, 3))
"""Speech over noise, dB: 6 to 30 in steps of 3."""

_SOUNDS = {".flac", ".mp3", ".ogg", ".opus", ".wav", *VIDEOS}
_MADE, _SECONDS = 8, 10.0  # recordings of pink noise where none are given, and of each one
_LEVEL = -30.0  # dBFS, of made ones; what counts is the ratio


def mixed(
    mel: Float[Tensor, "*N M S"], noise: Float[Tensor, "*N M S"], gain: float
) -> Float[Tensor, "*N M S"]:
    """The mel spectrogram of two sounds at once, as if they knew nothing of each other.

    Their powers add in every band: near the mel of the sum, which would need the waveforms.

    Args:
        mel: of one.
        noise: of the other.
        gain: of the other, dB.
    """
    both = torch.logaddexp(_nepers(mel), _nepers(noise) + gain / 10 * np.log(10))
    return (both * 10 / np.log(10) * 8 / 100 + 4).clamp(-4, 4)


def gain_for(mel: Float[Tensor, "M S"], noise: Float[Tensor, "M R"], ratio: float) -> float:
    """Decibels by which noise is to be louder, so that speech is so many dB above it."""
    levels = [torch.logsumexp(_nepers(x).flatten(), 0) - np.log(x.shape[-1]) for x in (mel, noise)]
    return float(levels[0] - levels[1]) * 10 / np.log(10) - ratio


def _nepers(mel: Tensor) -> Tensor:
    """Levels (0 dB for +4, -100 dB for -4) as logarithms of power."""
    return (mel - 4) * (100 / 8) / 10 * np.log(10)


class NoiseBank:
    """Noises to mix in.

    Args:
        recordings: a folder of anything that sounds; None makes pink noise.

    Raises:
        InputError: the folder holds nothing of use.
    """

    def __init__(self, recordings: str | None = None) -> None:
        self.mels = [mel_spectrogram(sound) for sound in _sounds(recordings)]

    def under(
        self, mel: Float[Tensor, "T M S"], whole: Float[Tensor, "M R"], rng: np.random.Generator
    ) -> Float[Tensor, "T M S"]:
        """Windows of a recording with a noise under them, at one of `RATIOS`.

        Args:
            mel: windows, one after the other or apart.
            whole: of the recording.
            rng: draws noise, place and ratio.
        """
        noise = self.mels[rng.integers(len(self.mels))]
        gain = gain_for(whole, noise, float(rng.choice(RATIOS)))
        steps = mel.shape[-1]
        first = rng.integers(noise.shape[-1] - steps + 1, size=len(mel)).tolist()
        parts = torch.stack([noise[:, at : at + steps] for at in first])
        return mixed(mel, parts, gain)


def _sounds(recordings: str | None) -> Sequence[Float[Tensor, "L"]]:
    samples = round(_SECONDS * SAMPLE_RATE)
    if recordings is None:
        return [room_noise(samples, _LEVEL, seed) for seed in range(_MADE)]
    files = [p for p in sorted(Path(recordings).rglob("*")) if p.suffix.lower() in _SOUNDS]
    long = [sound[:samples] for sound in map(read_audio, files) if len(sound) > SAMPLE_RATE]
    if not long:
        raise InputError(
            f"data.noise={recordings} holds no recording of a second or more; give a folder of "
            f"recordings, or null for noise that is made"
        )
    return long
