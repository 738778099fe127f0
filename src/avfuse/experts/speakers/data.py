"""Speech for telling speakers apart: seconds of recordings, kept in memory as cepstra."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from avfuse.data.sampler import EpochSampler
from avfuse.errors import InputError
from avfuse.experts.speakers.network import voice_features
from avfuse.experts.speech.recordings import Recording, find_recordings
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio

STEPS = 80
"""Mel steps that are heard at a time: a second, as the method hears that asks who speaks."""

_TRAINED = 0.8  # the part of each recording that is learnt; the rest is there to judge by


class Voices(NamedTuple):
    """Seconds of speech.

    Attributes:
        x: their cepstra.
        speaker: who talks, by number.
    """

    x: Float[Tensor, "N S C"]
    speaker: Int[Tensor, "N"]


class Seconds(Dataset[Voices]):
    """Batches of seconds drawn at random, all speakers alike; item i stays the same.

    Args:
        heard: cepstra of recordings, each of `STEPS` or more.
        speakers: who talks in each, by number.
        batch: seconds an item.
        length: items an epoch; item i differs for every i, also beyond.
        seed: of everything random.
    """

    def __init__(
        self,
        heard: Sequence[Float[Tensor, "_ C"]],
        speakers: Sequence[int],
        *,
        batch: int,
        length: int,
        seed: int,
    ) -> None:
        self.heard, self.speakers = heard, speakers
        self.batch, self.length, self.seed = batch, length, seed
        counts = Counter(speakers)
        weights = np.array([1 / counts[speaker] for speaker in speakers])
        self.shares = weights / weights.sum()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Voices:
        rng = np.random.default_rng((self.seed, index))
        drawn = rng.choice(len(self.heard), self.batch, p=self.shares)
        cut = [_second(self.heard[i], rng.random()) for i in drawn]
        return Voices(torch.stack(cut), torch.tensor([self.speakers[i] for i in drawn]))


class SpeechAndSpeakers(LightningDataModule):
    """Seconds of speech and who speaks; the last fifth of each recording is held back.

    Args:
        recordings: folder with an `index.tsv`, as of `find_recordings`.
        without: corpora that are left out.
        each: recordings of a speaker at most.
        batch: seconds a batch.
        epoch: batches an epoch.
        seed: of everything random.
    """

    def __init__(
        self,
        recordings: str | None = None,
        without: Sequence[str] = (),
        each: int = 6,
        batch: int = 128,
        epoch: int = 200,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        found = [] if h["recordings"] is None else find_recordings(Path(h["recordings"]))
        heard, names = _heard(found, set(h["without"]), h["each"])
        if len(set(names)) < 2:
            raise InputError(
                f"{len(set(names))} speakers to tell apart; give data.recordings with two or more, "
                f"of a few seconds each"
            )
        self.speakers = sorted(set(names))
        numbers = [self.speakers.index(name) for name in names]
        borders = [int(_TRAINED * len(x)) for x in heard]
        parts = [x[:border] for x, border in zip(heard, borders, strict=True)]
        self.train = Seconds(parts, numbers, batch=h["batch"], length=h["epoch"], seed=h["seed"])
        rests = [x[border:][-STEPS:] for x, border in zip(heard, borders, strict=True)]
        self.val = [Voices(x[None], torch.tensor([n])) for x, n in zip(rests, numbers, strict=True)]

    def train_dataloader(self) -> DataLoader[Voices]:
        return DataLoader(
            self.train, batch_size=None, sampler=EpochSampler.under(self.trainer, self.train)
        )

    def val_dataloader(self) -> DataLoader[Voices]:
        return DataLoader(self.val, batch_size=None)  # type: ignore[arg-type] # a list serves


def _heard(
    found: Sequence[Recording], without: set[str], each: int
) -> tuple[list[Float[Tensor, "_ C"]], list[str]]:
    """Cepstra of the recordings that are long enough, at most so many of each speaker."""
    taken: Counter[str] = Counter()
    heard, names = [], []
    for recording in tqdm(found, "hearing speech", unit="recording"):
        if recording.corpus in without or taken[recording.speaker] >= each:
            continue
        x = voice_features(mel_spectrogram(read_audio(recording.path)))
        if len(x) * _TRAINED >= STEPS:
            taken[recording.speaker] += 1
            heard.append(x)
            names.append(recording.speaker)
    return heard, names


def _second(x: Float[Tensor, "_ C"], place: float) -> Float[Tensor, "S C"]:
    first = int(place * (len(x) - STEPS + 1))
    return x[first : first + STEPS]
