"""Speech for training the speech encoder: recordings labelled with phones, kept in memory."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from lightning import LightningDataModule
from torch.utils.data import DataLoader
from tqdm import tqdm

from avfuse.data.sampler import EpochSampler
from avfuse.errors import InputError
from avfuse.experts.speech.encoder import MOMENTS
from avfuse.experts.speech.recordings import (
    Recording,
    Spoken,
    cached_speech,
    find_recordings,
    read_spoken,
)
from avfuse.experts.speech.voices import invented_speech
from avfuse.experts.speech.wear import worn_mel
from avfuse.experts.speech.windows import SpokenWindows, WholeRecordings, Windows


class SpeechAndPhones(LightningDataModule):
    """Windows of speech and the phones that are heard in them.

    Args:
        recordings: folder with an `index.tsv` (path, corpus, speaker, language, transcript), or
            None for an invented language only, whose sounds are named after English ones.
        cache: where labelled recordings are kept.
        corpora: that are read; none for all.
        unseen: corpora, or speakers as `corpus/speaker`, kept out of training; what is validated.
        held_back: one of n other speakers is kept out too; 0 for none.
        each: recordings of a speaker to read at most; 0 for all.
        invented: recordings of the invented language.
        evenness: how evenly speakers are drawn; 0 draws all moments alike, 1 all speakers.
        steps: mel steps a window.
        windows: of a piece of 1.2 s.
        batch: pieces a batch.
        epoch: pieces an epoch.
        nothing: share of pieces in which nobody talks.
        processes: that label side by side.
        workers: processes that wear the speech; 0 does it in the training's own.
        seed: of everything random.
    """

    def __init__(
        self,
        recordings: str | None = None,
        cache: str = ".cache/speech",
        corpora: Sequence[str] = (),
        unseen: Sequence[str] = (),
        held_back: int = 10,
        each: int = 0,
        invented: int = 0,
        evenness: float = 0.5,
        steps: int = 16,
        windows: int = 8,
        batch: int = 16,
        epoch: int = 3200,
        nothing: float = 0.08,
        processes: int = 2,
        workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def prepare_data(self) -> None:
        cached_speech(self._recordings(), Path(self.hparams["cache"]), self.hparams["processes"])

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        found = self._recordings()
        paths = cached_speech(found, Path(h["cache"]))
        spoken = [read_spoken(path) for path in tqdm(paths, "reading speech", unit="recording")]
        spoken += [invented_speech(h["seed"] + number) for number in range(h["invented"])]
        train, held = split_speakers(spoken, set(h["unseen"]), h["held_back"])
        if not train or not held:
            raise InputError(
                f"{len(train)} recordings to train on and {len(held)} held back; give "
                f"data.recordings or data.invented, and more than one speaker"
            )
        self.val = WholeRecordings(held, h["steps"], MOMENTS)
        self.train = SpokenWindows(
            train,
            shares(train, h["evenness"]),
            steps=h["steps"],
            moments=MOMENTS,
            length=h["epoch"],
            windows=h["windows"],
            nothing=h["nothing"],
            seed=h["seed"],
        )

    def _recordings(self) -> list[Recording]:
        h = self.hparams
        if h["recordings"] is None:
            return []
        found = find_recordings(Path(h["recordings"]))
        found = [r for r in found if r.language.startswith("en")]
        found = [r for r in found if not h["corpora"] or r.corpus in h["corpora"]]
        return at_most(found, h["each"]) if h["each"] else found

    def train_dataloader(self) -> DataLoader[Windows]:
        sampler = EpochSampler.under(self.trainer, self.train)
        h = self.hparams
        workers = {"num_workers": h["workers"], "persistent_workers": h["workers"] > 0}
        return DataLoader(self.train, h["batch"], sampler=sampler, drop_last=True, **workers)

    def val_dataloader(self) -> DataLoader[Windows]:
        return DataLoader(self.val, 1)

    def on_after_batch_transfer(self, batch: Windows, dataloader_idx: int) -> Windows:
        if self.trainer is None or not self.trainer.training:
            return batch
        return batch._replace(mel=worn_mel(batch.mel))


def at_most(recordings: Sequence[Recording], each: int) -> list[Recording]:
    """The first `each` recordings of every speaker."""
    taken: Counter[str] = Counter()
    kept = []
    for recording in recordings:
        taken[recording.speaker] += 1
        if taken[recording.speaker] <= each:
            kept.append(recording)
    return kept


def split_speakers(
    spoken: Sequence[Spoken], unseen: set[str], held_back: int
) -> tuple[list[Spoken], list[Spoken]]:
    """Recordings for training, and those of speakers that training never hears.

    Args:
        spoken: all of them.
        unseen: corpora and speakers that are held back.
        held_back: one of n other speakers is too, by name, whoever else is there; 0 for none.

    Raises:
        InputError: if `unseen` names what is not there.
    """
    known = {name for s in spoken for name in (s.speaker, s.corpus)}
    if unknown := unseen - known:
        raise InputError(f"unseen={sorted(unknown)}: no such corpora or speakers")
    parts: tuple[list[Spoken], list[Spoken]] = ([], [])
    for s in spoken:
        drawn = held_back and crc32(s.speaker.encode()) % held_back == 0
        parts[bool(drawn or unseen & {s.speaker, s.corpus})].append(s)
    return parts


def shares(spoken: Sequence[Spoken], evenness: float) -> list[float]:
    """How often to draw from each recording.

    Args:
        spoken: recordings of speakers of whom some are heard longer than others.
        evenness: 0 draws all moments alike, 1 all speakers.
    """
    heard: Counter[str] = Counter()
    for s in spoken:
        heard[s.speaker] += len(s.labels)
    return [len(s.labels) * heard[s.speaker] ** -evenness for s in spoken]
