"""People whose heads follow their speech, each by a rule of their own that is known.

Nothing is drawn: they are poses and voices, as many as one likes, for Φ to learn from and to be
judged by. How loud a voice is, slowly and fast, moves each number of the pose by an amount that is
the person's.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.data.sampled import SampledData
from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.rhythmic_head_motion.data import Moved
from avfuse.methods.rhythmic_head_motion.method import HEARS
from avfuse.sound.mel import SILENCE, STEP_RATE, mel_spectrogram, mel_windows

FPS = 25.0
"""Frames a second of their motion."""

_SECONDS = 8.0  # of a voice
_REACH = np.array([0.12, 0.15, 0.08, 0.03, 0.03, 0.04])  # of each number's motion, at most
_MEAN = np.array([0.08, 0.15, 0.06, 0.04, 0.03, 0.1])  # standard deviation of people's mean poses
_MIDDLE = np.array([0, 0, 0, 0, 0, -1.2])
_WAYS = (0.12, 0.5)  # seconds over which loudness is averaged
_LOUD = 1.2  # of it, about the mean


class Style(NamedTuple):
    """A person.

    Attributes:
        ways: what each way of loudness adds to each number of the pose.
        mean: the pose about which it moves.
    """

    ways: Float[Tensor, "6 W"]
    mean: Float[Tensor, "6"]


def random_style(rng: np.random.Generator) -> Style:
    """Draw a person."""
    ways = rng.uniform(-1, 1, (6, len(_WAYS))) * _REACH[:, None]
    mean = _MIDDLE + rng.normal(0, _MEAN)
    return Style(torch.from_numpy(ways).float(), torch.from_numpy(mean).float())


def loudness(mel: Float[Tensor, "M S"], times: Float[Tensor, "T"]) -> Float[Tensor, "T W"]:
    """How loud a voice has been in the seconds before each time, about its mean, around ±1."""
    level = (mel - SILENCE).mean(0)
    found = []
    for seconds in _WAYS:
        steps = round(seconds * STEP_RATE)
        slow = F.avg_pool1d(F.pad(level[None, None], (steps - 1, 0)), steps, 1)[0, 0]
        found.append(slow[(times * STEP_RATE).round().long().clamp(0, len(slow) - 1)])
    both = torch.stack(found, 1)
    return (both - level.mean()) / _LOUD


def moves(
    style: Style, mel: Float[Tensor, "M S"], times: Float[Tensor, "T"]
) -> Float[Tensor, "T 6"]:
    """How a person's head moves to a recording."""
    return style.mean + loudness(mel, times) @ style.ways.mT


class RhythmicSamples(Dataset[Moved]):
    """Passages of people; item i stays the same.

    Args:
        mels: of the voices.
        people: how many there are; they are numbered from `first`.
        first: number of the first.
        length: samples an epoch.
        history: τ.
        frames: that follow.
        seed: of the draw.
    """

    def __init__(
        self,
        mels: list[Float[Tensor, "M S"]],
        people: int,
        first: int,
        length: int,
        history: int,
        frames: int,
        seed: int,
    ) -> None:
        self.mels, self.people, self.first, self.length = mels, people, first, length
        self.history, self.frames, self.seed = history, frames, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Moved:
        rng = np.random.default_rng((self.seed, index))
        style = random_style(np.random.default_rng(self.first + rng.integers(self.people)))
        before, heard = (
            self._passage(style, frames, rng) for frames in (self.history, self.frames)
        )
        return Moved(*before, *heard)

    def _passage(
        self, style: Style, frames: int, rng: np.random.Generator
    ) -> tuple[Float[Tensor, "T 6"], Float[Tensor, "T M S"]]:
        mel = self.mels[rng.integers(len(self.mels))]
        room = mel.shape[1] / STEP_RATE - frames / FPS
        times = rng.uniform(0, max(room, 0)) + torch.arange(frames, dtype=torch.float64) / FPS
        return moves(style, mel, times), mel_windows(mel, times, HEARS)


class RhythmicPeople(SampledData[RhythmicSamples]):
    """Voices and motion of people who never were; others for validation.

    Args:
        people: that are trained on, and as many others.
        voices: recordings that they share.
        history: τ.
        frames: that follow.
        batch: passages a batch.
        epoch: passages an epoch.
        validation: passages of the validation.
        workers: processes that make passages.
        seed: of everything random.
    """

    def __init__(
        self,
        people: int = 1000,
        voices: int = 50,
        history: int = 64,
        frames: int = 64,
        batch: int = 32,
        epoch: int = 3200,
        validation: int = 256,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        mels, held = ([_voice(n) for n in range(a, a + h["voices"])] for a in (0, 100_000))
        sizes = h["history"], h["frames"]
        people = h["people"]
        self.train = RhythmicSamples(mels, people, 0, h["epoch"], *sizes, h["seed"])
        count = h["validation"]
        self.val = [
            RhythmicSamples(held, people, first, count, *sizes, h["seed"] + 1)
            for first in (0, people)  # known people, and others, to voices that are new to both
        ]

    def test_dataloader(self) -> Any:
        return self.val_dataloader()


def _voice(number: int) -> Float[Tensor, "M S"]:
    """A procedural voice: of its clip, which needs a picture, the least is drawn."""
    clip = synthetic_clip(number, seconds=_SECONDS, fps=1 / _SECONDS, size=32)
    return mel_spectrogram(torch.from_numpy(clip.waveform))
