"""Speech of many people, without labels, for the speech representation."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from jaxtyping import Float, Int
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from avfuse.data.preprocess import VIDEOS
from avfuse.data.sampler import EpochSampler
from avfuse.errors import InputError
from avfuse.methods.live_speech_portraits.speech import MEL
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram
from avfuse.video.audio import read_audio

ENDINGS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", *VIDEOS}
"""Files that count as speech when folders are searched."""


class Utterances(NamedTuple):
    """Pieces of speech.

    Attributes:
        mel: their steps.
    """

    mel: Float[Tensor, "B S 80"]


class Pieces(Dataset[Utterances]):
    """Batches of pieces drawn at random, all moments alike; item i stays the same.

    Args:
        sounds: recordings, 16 kHz in 16 bits, each longer than a piece.
        samples: of a piece.
        batch: pieces an item.
        length: items an epoch.
        seed: of everything random.
    """

    def __init__(
        self,
        sounds: Sequence[Int[Tensor, "_"]],
        samples: int,
        batch: int,
        length: int,
        seed: int,
    ) -> None:
        self.sounds, self.samples = sounds, samples
        self.batch, self.length, self.seed = batch, length, seed
        spans = np.array([len(sound) - samples for sound in sounds], float)
        self.shares = spans / spans.sum()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Utterances:
        rng = np.random.default_rng((self.seed, index))
        drawn = rng.choice(len(self.sounds), self.batch, p=self.shares)
        firsts = [int(rng.integers(len(self.sounds[n]) - self.samples)) for n in drawn]
        pairs = zip(drawn, firsts, strict=True)
        pieces = torch.stack([self.sounds[n][at : at + self.samples] for n, at in pairs])
        gains = torch.from_numpy(10 ** (rng.normal(0, 6, self.batch) / 20)).float()
        return Utterances(mel_spectrogram(pieces / 32768 * gains[:, None], MEL).mT)


class AnySpeech(LightningDataModule):
    """Speech without pictures or text; every tenth recording is held back.

    Args:
        recordings: folders of sound or video files.
        seconds: of a piece.
        hours: that are read, at most; recordings are drawn for it.
        batch: pieces a batch.
        epoch: batches an epoch.
        validation: batches that are validated.
        workers: processes that read; 0 for the training's own.
        seed: of everything random.
        size: nothing; the model's.
    """

    def __init__(
        self,
        recordings: Sequence[str] = (),
        seconds: float = 4.0,
        hours: float = 10.0,
        batch: int = 32,
        epoch: int = 100,
        validation: int = 4,
        workers: int = 0,
        seed: int = 0,
        size: int = 512,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        samples = round(SAMPLE_RATE * h["seconds"])
        sounds = self._read()
        parts: tuple[list[Tensor], list[Tensor]] = ([], [])
        for path, sound in sounds.items():
            if len(sound) > samples:
                parts[crc32(path.stem.encode()) % 10 == 0].append(sound)
        if not all(parts):
            raise InputError(
                f"{len(sounds)} recordings, too few of them longer than {h['seconds']:g} s; give "
                f"folders with more in data.recordings"
            )
        self.train = Pieces(parts[0], samples, h["batch"], h["epoch"], h["seed"])
        self.val = Pieces(parts[1], samples, h["batch"], h["validation"], h["seed"])

    def _read(self) -> dict[Path, Int[Tensor, "_"]]:
        """Recordings in a drawn order, as many as the hours hold."""
        h = self.hparams
        folders = [Path(folder) for folder in h["recordings"]]
        found = sorted(p for f in folders for p in f.rglob("*") if p.suffix.lower() in ENDINGS)
        order = np.random.default_rng(h["seed"]).permutation(len(found))
        sounds, left = dict[Path, Tensor](), h["hours"] * 3600 * SAMPLE_RATE
        for path in tqdm([found[n] for n in order], "reading speech", disable=None):
            if left <= 0:
                break
            sounds[path] = (read_audio(path).clamp(-1, 1) * 32767).round().short()
            left -= len(sounds[path])
        return sounds

    def train_dataloader(self) -> DataLoader[Utterances]:
        sampler = EpochSampler.under(self.trainer, self.train)
        workers = self.hparams["workers"]
        return DataLoader(self.train, None, sampler=sampler, num_workers=workers)

    def val_dataloader(self) -> DataLoader[Utterances]:
        return DataLoader(self.val, None)
