"""Clips for who learns from sound and landmarks alone: no picture is read."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from avfuse.data.augment import augment_voices
from avfuse.data.clip import ClipFile
from avfuse.data.datamodule import TalkingClips
from avfuse.data.pairs import starts
from avfuse.data.sampler import EpochSampler
from avfuse.geometry.affine import transform
from avfuse.geometry.box import box_from_landmarks, frame_to_crop
from avfuse.methods.everybodys_talkin.examples import Examples, joined
from avfuse.methods.everybodys_talkin.face import Face, Fit
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.sound.mel import STEP_RATE, mel_windows
from avfuse.types import Batch

_APART = 5  # frames, of those that a clip's identity is found in


class FittedClip:
    """A clip's landmarks and the face that was fitted to them, frames without a face left out.

    Args:
        clip: with landmarks.
        face: what is fitted.
        size: pixels a side of the crops that landmarks are in.
    """

    def __init__(self, clip: ClipFile, face: Face, size: int) -> None:
        self.clip, self.landmarks = clip, cropped(clip, size)
        self.fit = face.fit(self.landmarks, face.identify(self.landmarks[::_APART]))

    def part(self, first: int, count: int) -> tuple[Tensor, Fit]:
        """Landmarks and fits of frames in a row, by the clip's number of the first."""
        at = int(np.searchsorted(self.clip.valid, first))
        frames = slice(at, at + count)
        fit, camera = self.fit, self.fit.camera.at(frames)
        return self.landmarks[frames], Fit(
            fit.identity.expand(count, -1), fit.expression[frames], camera
        )


class SaidFrames(Dataset[Examples]):
    """Batches of passages drawn at random; item i stays the same.

    Args:
        clips: fitted.
        weights: how often each is drawn from, relative.
        data: says how long passages and batches are, and what is heard.
    """

    def __init__(
        self, clips: Sequence[FittedClip], weights: Sequence[float], data: TalkingClips
    ) -> None:
        self.clips, self.data = clips, data
        self.shares = np.asarray(weights) / np.sum(weights)

    def __len__(self) -> int:
        return self.data.train.length // self.data.batch

    def __getitem__(self, index: int) -> Examples:
        rng = np.random.default_rng((self.data.seed, index))
        drawn = rng.choice(len(self.clips), self.data.batch, p=self.shares)
        parts = [self._passage(self.clips[number], rng) for number in drawn]
        heard, landmarks, fits = zip(*parts, strict=True)
        return Examples(torch.stack(heard), torch.stack(landmarks), joined(fits))

    def _passage(
        self, fitted: FittedClip, rng: np.random.Generator
    ) -> tuple[Float[Tensor, "T M S"], Float[Tensor, "T 68 2"], Fit]:
        clip, count = fitted.clip, self.data.frames
        first = int(rng.choice(starts(clip.valid, count)))
        late = rng.uniform(-0.5, 0.5) / STEP_RATE if self.data.augmentation else 0.0
        times = clip.times[first : first + count] + late
        return mel_windows(clip.mel, times, self.data.train.hears), *fitted.part(first, count)


class SaidClips(TalkingClips):
    """[`TalkingClips`][avfuse.data.datamodule.TalkingClips], of which training sees no picture.

    Faces are fitted once, before the first step. What is validated is as there.
    """

    def train_dataloader(self) -> DataLoader[Examples]:  # no pairs
        assert self.trainer is not None  # it asks for them
        method = cast(EverybodysTalkin, self.trainer.lightning_module.method)
        pairs = zip(self.train.sources, self.train.shares, strict=True)
        clips = [(clip, share) for source, share in pairs for clip in source.clips]
        bar = tqdm(clips, "fitting faces", unit="clip", disable=None)
        fitted = [FittedClip(clip, method.face, self.train.size) for clip, _ in bar]
        said = SaidFrames(fitted, [share for _, share in clips], self)
        return DataLoader(said, batch_size=None, sampler=EpochSampler.under(self.trainer, said))

    def on_after_batch_transfer(  # type: ignore[override] # nor here
        self, batch: Batch | Examples, dataloader_idx: int
    ) -> Batch | Examples:
        """Other voices, as there."""
        if isinstance(batch, Batch):
            return super().on_after_batch_transfer(batch, dataloader_idx)
        if not self.augmentation:
            return batch
        return batch._replace(heard=augment_voices(batch.heard))


class ShownClips(TalkingClips):
    """[`TalkingClips`][avfuse.data.datamodule.TalkingClips], of which only views are at random.

    Colours stay: beside the skin's own, other light and other skin make no other picture. Voices
    stay too, since the renderer hears nothing.
    """

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Pictures in [0, 1]."""
        videos = (v.float() / 255 for v in (batch.video1, batch.video2))
        return batch._replace(**dict(zip(("video1", "video2"), videos, strict=True)))


def cropped(clip: ClipFile, size: int) -> Float[Tensor, "T 68 2"]:
    """Landmarks of a clip's frames that show the face, each in pixels of its own crop."""
    seen = clip.landmarks[clip.valid]
    places = (transform(p, frame_to_crop(box_from_landmarks(p), size)) for p in seen)
    return torch.from_numpy(np.stack([*places])).float()
