"""From a folder of videos to batches of pairs."""

import functools
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch.utils.data import DataLoader

from avfuse.data.augment import AugmentPictures, augment
from avfuse.data.clip import ClipFile
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins, TransplantedMouths, starts
from avfuse.data.portraits.driver import drivers
from avfuse.data.portraits.pairs import DrivenPortrait
from avfuse.data.portraits.portrait import Portrait, read_portraits
from avfuse.data.preprocess import (
    Source,
    SourceClip,
    cached_twins,
    folders_of,
    make_clips,
    source_clips,
)
from avfuse.data.sampled import SampledData
from avfuse.data.share import checked_share, mixed
from avfuse.data.split import every_nth, split_clips, tails
from avfuse.data.taught import Taught, TaughtPairs, cached_taught
from avfuse.errors import InputError
from avfuse.types import Batch

_log = logging.getLogger(__name__)


class TalkingClips(SampledData[PairDataset]):
    """Pairs from video files, a teacher's renderings, portraits, procedural faces, or all of them.

    A clip's speaker is the name of its folder. Clips are cropped once and cached; a cached clip is
    made anew only when its video or its labels change.

    Args:
        videos: folder of video files with sound, searched through all its subfolders; or a single
            video; or several of either.
        labels: folder of landmark labels, `<speaker>__<clip>.npz` or `<clip>.npz`, each with an
            array `landmarks` (T, 68, 2 or more) in pixels of the video; None: beside the videos,
            and where there are none, the built-in tracker's. One for all `videos`, or as many.
        cache: where cropped clips are kept.
        pairs: folder that `avfuse render-pairs` wrote: people who say several things in the same
            frames, the paper's own scheme (IV-B). Their speakers are called as their folders there.
        portraits: folder of pictures, one a person, and their dense points, `mesh.npz`; the clips
            that are trained on drive them, or procedural faces where there are none.
        portraits_share: how many of the pairs that are not procedural come from portraits, where
            there are others too: 0 for none, 1 for all.
        synthetic: number of procedural faces, each rendered saying two things.
        synthetic_share: how many of the training pairs come from procedural faces, where there
            are real ones too: 0 for none, 1 for all.
        unseen: speakers, or single clips as `speaker/clip`, kept out of training altogether.
        held_back: every n-th clip of the other speakers is kept out of training, and every n-th
            person of `pairs` and of `portraits`; 0 for none.
        tail: where no whole clip is held back, share of each that is, its end: for one person who
            has a single long clip.
        doubtful: keep clips of `videos` whose sound is silent, or whose lips do not move or do not
            follow the sound; by default they are named and left out.
        size: pixels a side.
        mel_steps: mel steps a window; the model's.
        mel_ahead: how many of them come after the frame; the model's, None for half.
        frames: T, consecutive frames a pair; clips that have fewer with a face are left out.
        window: pixels a side of the windows around the mouth that training sees; None: all.
        batch: pairs a batch; each pair is used both ways.
        epoch: pairs an epoch.
        validation: pairs of each validation set.
        augmentation: strength of the random views; 0 turns all augmentation off.
        workers: processes that make pairs.
        seed: of pairs and procedural faces.

    Attributes:
        held: after `setup`, the clips kept out of training: `seen`, of speakers that are trained
            on; `unseen`; `taught`, one of each person of `pairs`, and `procedural`, faces, which
            training never sees. Only those that there are; portraits are no clips.
    """

    def __init__(
        self,
        videos: str | Sequence[str] | None = None,
        labels: str | Sequence[str | None] | None = None,
        cache: str = ".cache/clips",
        pairs: str | None = None,
        portraits: str | None = None,
        portraits_share: float = 0.25,
        synthetic: int = 0,
        synthetic_share: float = 0.25,
        unseen: Sequence[str] = (),
        held_back: int = 10,
        tail: float = 0.0,
        doubtful: bool = False,
        size: int = 128,
        mel_steps: int = 16,
        mel_ahead: float | None = None,
        frames: int = 1,
        window: int | None = None,
        batch: int = 16,
        epoch: int = 4096,
        validation: int = 128,
        augmentation: float = 1.0,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()  # for the loggers; what is used below has types
        self.folders, self.cache = folders_of(videos, labels), Path(cache)
        self.synthetic, self.synthetic_share = synthetic, checked_share(synthetic_share)
        self.portraits = _path(portraits)
        self.portraits_share = checked_share(portraits_share, "portraits_share", "portraits")
        self.unseen, self.held_back, self.doubtful = set(unseen), held_back, doubtful
        self.tail = checked_share(tail, "tail", "frames")
        self.frames, self.batch = frames, batch
        self.augmentation, self.seed = augmentation, seed
        self.pictures = AugmentPictures()
        self.pairs = _path(pairs)
        dataset = functools.partial(
            PairDataset, size=size, mel_steps=mel_steps, mel_ahead=mel_ahead, frames=frames
        )
        self._train = functools.partial(
            dataset, length=epoch, window=window, strength=augmentation, seed=seed
        )
        self._held = functools.partial(dataset, length=validation, strength=0.0, seed=seed + 1)

    def prepare_data(self) -> None:
        clips, twins = self._clips(), self._twins()
        self._people()
        if self._portraits():
            drivers([clip.path for clip in clips] or [*itertools.chain(*twins)])

    def setup(self, stage: str | None = None) -> None:
        taught, kept = self._taught()
        people = {source.person for source in (*taught, *kept)}
        parts = split_clips(self._clips(), self.unseen - people, self.held_back, self.doubtful)
        if not (parts["seen"] or parts["unseen"]):
            parts = tails(parts, self.tail)
        pairs = [(ClipFile(a), ClipFile(b)) for a, b in self._twins()]
        self._say_what_is_short([*itertools.chain(*parts.values(), *pairs)])
        real = {name: self._long_enough(clips) for name, clips in parts.items()}
        twins = [RenderedTwins(*both) for both in pairs if len(self._long_enough(both)) == 2]
        back = max(1, len(twins) // self.held_back) if self.held_back and len(twins) > 1 else 0
        driving = real["train"] or [clip for pair in twins[back:] for clip in pair.clips]
        heads, aside = self._driven(driving, real["unseen"] or real["seen"] or driving)
        weights = _shares(real["train"], len(twins) - back, self.synthetic_share, len(taught),
                          len(heads), self.portraits_share)  # fmt: skip
        sources = [*map(TransplantedMouths, real["train"]), *taught, *heads, *twins[back:]]
        if not sources:
            raise InputError(
                "there is nothing to train on; give data.videos with faces in them, "
                "data.pairs or data.synthetic, and leave some of it out of data.unseen"
            )
        self.train = self._train(sources, weights)
        clips = {"seen": real["seen"], "unseen": real["unseen"]}
        clips["taught"] = [source.clips[0] for source in kept]
        clips["procedural"] = [pair.clip1 for pair in twins[:back]]
        self.held = {name: part for name, part in clips.items() if part}
        # Two sets always, seen and unseen, so that what monitors them finds them; where one has no
        # clips of its own, the other's serve, then held-back faces, then the training's own. Of
        # portraits, all that are held back are unseen.
        seen, unseen = ([*map(TransplantedMouths, real[name])] for name in ("seen", "unseen"))
        rest = kept or twins[:back] or sources
        held = (seen or unseen or rest, unseen or aside or seen or rest)
        self.val = [self._held(s, [1.0] * len(s)) for s in held]

    def landmarks(self) -> Float[np.ndarray, "N 68 2"]:
        """Of every frame that pairs are drawn from in training, in pixels of its clip."""
        clips = {clip.path: clip for source in self.train.sources for clip in source.clips}
        return np.concatenate([clip.landmarks[clip.valid] for clip in clips.values()])

    def sources(self) -> list[Source]:
        """All videos, in the order of folders and names."""
        for videos, labels in self.folders:
            if not videos.exists():
                raise InputError(f"data.videos={videos} is no folder; give --data.videos DIR")
            if labels is not None and not labels.is_dir():
                raise InputError(
                    f"data.labels={labels} is no folder; give --data.labels DIR, or null for "
                    f"labels that lie beside the videos or are made"
                )
        found = (source_clips(*folders, self.cache) for folders in self.folders)
        return list(itertools.chain.from_iterable(found))

    def _clips(self) -> list[SourceClip]:
        return make_clips(self.sources())

    def _people(self) -> list[Taught]:
        return [] if self.pairs is None else cached_taught(self.pairs, self.cache)

    def _taught(self) -> tuple[list[TaughtPairs], list[TaughtPairs]]:
        """A teacher's people: those that are trained on, and those held back."""
        found = [TaughtPairs.of(person, self.frames) for person in self._people()]
        usable = [source for source in found if source.couples]
        if len(usable) < len(found):
            _log.warning("%d of %d people have no pair", len(found) - len(usable), len(found))
        others = [source for source in usable if source.person not in self.unseen]
        train, _ = every_nth(others, self.held_back)
        return train, [source for source in usable if source not in train]

    def _portraits(self) -> list[Portrait]:
        return [] if self.portraits is None else read_portraits(self.portraits)

    def _driven(
        self, train: Sequence[ClipFile], held: Sequence[ClipFile]
    ) -> tuple[list[DrivenPortrait], list[DrivenPortrait]]:
        """Portraits driven by clips: those that are trained on, and those held back."""
        portraits, aside = every_nth(self._portraits(), self.held_back)
        if (portraits or aside) and not train:
            raise InputError(
                "no clips are there to drive data.portraits; give data.videos or data.synthetic"
            )
        return _spoken(portraits, train), _spoken(aside, held)

    def _long_enough(self, clips: Sequence[ClipFile]) -> list[ClipFile]:
        return [clip for clip in clips if len(starts(clip.valid, self.frames))]

    def _say_what_is_short(self, clips: Sequence[ClipFile]) -> None:
        short = len(clips) - len(self._long_enough(clips))
        lacking = f"{self.frames} frames with a face in a row (data.frames)"
        if short and short == len(clips):
            raise InputError(f"there is nothing to train on: no clip has {lacking}; lower it")
        if short:
            _log.warning("%d of %d clips lack %s and are left out", short, len(clips), lacking)

    def _twins(self) -> list[tuple[Path, Path]]:
        return cached_twins(self.synthetic, self.seed, self.cache) if self.synthetic else []

    def test_dataloader(self) -> list[DataLoader[Batch]]:
        return self.val_dataloader()

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        videos = (v.float() / 255 for v in (batch.video1, batch.video2))
        batch = batch._replace(**dict(zip(("video1", "video2"), videos, strict=True)))
        training = self.trainer is not None and self.trainer.training
        if not (training and self.augmentation):
            return batch
        with torch.autocast(batch.video1.device.type, enabled=False):
            return augment(batch, self.pictures)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _spoken(portraits: Sequence[Portrait], clips: Sequence[ClipFile]) -> list[DrivenPortrait]:
    """Each of the portraits, driven by any of the clips."""
    if not portraits:
        return []
    driving, shares = drivers([clip.path for clip in clips]), _by_speaker(clips)
    return [DrivenPortrait(portrait, driving, shares) for portrait in portraits]


def _shares(
    clips: Sequence[ClipFile],
    twins: int,
    synthetic_share: float,
    taught: int = 0,
    portraits: int = 0,
    portraits_share: float = 0.0,
) -> list[float]:
    """How often each source is drawn: clips, a teacher's people, portraits, procedural faces.

    A teacher's people count as one clip each.
    """
    real = [*_by_speaker(clips), *[1.0] * taught]
    is_portrait = [False] * len(real) + [True] * portraits
    people = mixed([*real, *[1.0] * portraits], is_portrait, portraits_share)
    is_made = [False] * len(people) + [True] * twins
    return mixed([*people, *[1.0] * twins], is_made, synthetic_share)


def _by_speaker(clips: Sequence[ClipFile]) -> list[float]:
    """Draw speakers by the square root of their clips, or one with many drowns the others."""
    count = Counter(clip.path.parent for clip in clips)
    return [count[clip.path.parent] ** -0.5 for clip in clips]
