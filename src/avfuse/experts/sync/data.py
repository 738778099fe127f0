"""Mouths and sound for training the sync expert, kept in memory as small grey pictures."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lightning import LightningDataModule
from torch.utils.data import DataLoader
from tqdm import tqdm

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import SourceClip, cached_clips, cached_twins
from avfuse.data.sampler import EpochSampler
from avfuse.data.share import checked_share, mixed
from avfuse.data.split import split_clips
from avfuse.errors import InputError
from avfuse.experts.sync.segments import Pieces, Segments, SegmentSamples, Track, read_track
from avfuse.experts.sync.wear import plain_mouths, worn_mouths, worn_sound
from avfuse.metrics.sync import REACH
from avfuse.metrics.sync_expert import FRAMES


class MouthsAndSound(LightningDataModule):
    """Segments of labelled clips and procedural faces for the sync expert.

    Clips, labels, cache and split are those of
    [`TalkingClips`][avfuse.data.datamodule.TalkingClips].

    Args:
        videos: folder of labelled videos, or None for procedural faces only.
        labels: folder of their landmarks.
        cache: where cropped clips are kept.
        synthetic: number of procedural faces, each saying two things.
        synthetic_share: how many segments come from them, 0 to 1.
        unseen: speakers, or clips as `speaker/clip`, kept out of training.
        held_back: every n-th clip of the other speakers, and every n-th procedural face, is kept
            out too; 0 for none.
        evenness: how evenly speakers are drawn; 0 draws all frames alike, 1 all speakers.
        windows: W, a segment.
        reach: frames of sound on either side of a segment in training.
        batch: segments a batch.
        epoch: segments an epoch.
        seed: of everything random.
    """

    def __init__(
        self,
        videos: str | None = None,
        labels: str | None = None,
        cache: str = ".cache/clips",
        synthetic: int = 100,
        synthetic_share: float = 0.25,
        unseen: Sequence[str] = (),
        held_back: int = 10,
        evenness: float = 0.6,
        windows: int = 12,
        reach: int = 3,
        batch: int = 24,
        epoch: int = 2400,
        seed: int = 0,
    ) -> None:
        super().__init__()
        checked_share(synthetic_share)
        self.save_hyperparameters()

    def prepare_data(self) -> None:
        self._clips()
        self._faces()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        parts = split_clips(self._clips(), set(h["unseen"]), h["held_back"])
        faces = [[ClipFile(path) for path in twins] for twins in self._faces()]
        back = max(1, len(faces) // h["held_back"]) if h["held_back"] and len(faces) > 1 else 0
        made = [clip for twins in faces[back:] for clip in twins]
        if stage != "validate":
            self._setup_training(parts["train"], made)
        # Two sets always: where one has no clips of its own, held-back faces serve, or training's.
        spare = [clip for twins in faces[:back] for clip in twins] or made or parts["train"]
        held = (parts[name] or spare for name in ("seen", "unseen"))
        self.val = [Pieces([read_track(clip) for clip in clips], REACH) for clips in held]
        if not all(map(len, self.val)):
            raise InputError(
                f"nothing to validate on; a clip needs at least {FRAMES + REACH} frames at 25 a "
                f"second to be held back"
            )

    def _setup_training(self, real: Sequence[ClipFile], made: Sequence[ClipFile]) -> None:
        h = self.hparams
        folders = sorted({clip.path.parent for clip in real})
        speakers = [folders.index(clip.path.parent) for clip in real]
        speakers += [len(folders) + number // 2 for number in range(len(made))]  # twins are one
        clips = tqdm([*real, *made], "reading mouths", unit="clip")
        tracks = [read_track(*pair) for pair in zip(clips, speakers, strict=True)]
        least = h["windows"] + FRAMES - 1
        tracks = [track for track in tracks if len(track.mouths) >= least]
        if not tracks:
            raise InputError(
                f"there is nothing to train on; give data.videos of {least} frames or more, or "
                f"data.synthetic"
            )
        weights = shares(tracks, len(folders), h["evenness"], h["synthetic_share"])
        self.train = SegmentSamples(
            tracks,
            weights,
            length=h["epoch"],
            windows=h["windows"],
            reach=h["reach"],
            seed=h["seed"],
        )

    def _clips(self) -> list[SourceClip]:
        h = self.hparams
        if h["videos"] is None:
            return []
        labels = None if h["labels"] is None else Path(h["labels"])
        return cached_clips(Path(h["videos"]), labels, Path(h["cache"]))

    def _faces(self) -> list[tuple[Path, Path]]:
        h = self.hparams
        return cached_twins(h["synthetic"], h["seed"], Path(h["cache"])) if h["synthetic"] else []

    def train_dataloader(self) -> DataLoader[Segments]:
        sampler = EpochSampler.under(self.trainer, self.train)
        return DataLoader(self.train, self.hparams["batch"], sampler=sampler, drop_last=True)

    def val_dataloader(self) -> list[DataLoader[Segments]]:
        return [DataLoader(pieces, 1) for pieces in self.val]

    def on_after_batch_transfer(self, batch: Segments, dataloader_idx: int) -> Segments:
        mouths = batch.mouths.float() / 255
        if self.trainer is None or not self.trainer.training:
            return batch._replace(mouths=plain_mouths(mouths))
        return batch._replace(mouths=worn_mouths(mouths), mel=worn_sound(batch.mel))


def shares(
    tracks: Sequence[Track], people: int, evenness: float, synthetic_share: float
) -> list[float]:
    """How often to draw each track.

    Args:
        tracks: real and procedural.
        people: real ones have numbers below this.
        evenness: 0 draws all frames alike, 1 all speakers.
        synthetic_share: how many segments come from procedural tracks, where there are both.
    """
    frames: Counter[int] = Counter()
    for track in tracks:
        frames[track.speaker] += len(track.mouths)
    is_made = [track.speaker >= people for track in tracks]
    weights = [
        1.0 if is_one else len(track.mouths) * frames[track.speaker] ** -evenness
        for track, is_one in zip(tracks, is_made, strict=True)
    ]
    return mixed(weights, is_made, synthetic_share)
