"""Pairs as tensors, drawn at random for training and always the same for validation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import Moment, Pair, PairSource, View, starts
from avfuse.errors import InputError
from avfuse.geometry.box import MOUTH
from avfuse.sound.mel import STEP_RATE, Hearing, mel_windows
from avfuse.types import Batch


class PairDataset(Dataset[Batch]):
    """`length` pairs drawn from sources.

    Item i is the same in every process and every run with the same seed; indices go on beyond
    `length`, which is how [`EpochSampler`][avfuse.data.sampler.EpochSampler] makes epochs differ.

    Args:
        sources: what pairs are drawn from.
        weights: how often each source is drawn from, relative.
        length: pairs an epoch.
        size: pixels a side.
        mel_steps: mel steps a window.
        mel_ahead: how many of them come after the frame's moment; None for half.
        frames: T, consecutive frames a pair.
        window: train on windows of so many pixels a side, anywhere around the mouth, rather than
            on the whole crop, most of which never changes; the network is fully convolutional.
        strength: of the random views, 0 for none.
        seed: of everything random.

    Raises:
        InputError: if the window is larger than the picture, or a clip has too few frames.
    """

    def __init__(
        self,
        sources: Sequence[PairSource],
        weights: Sequence[float],
        *,
        length: int,
        size: int,
        mel_steps: int,
        mel_ahead: float | None = None,
        frames: int = 1,
        window: int | None = None,
        strength: float = 1.0,
        seed: int = 0,
    ) -> None:
        if window is not None and not 0 < window <= size:
            raise InputError(f"window={window} does not lie within size={size} pixels")
        # Portraits share their clips: each is looked at once.
        for clip in dict.fromkeys(clip for source in sources for clip in source.clips):
            if not len(starts(clip.valid, frames)):
                raise InputError(
                    f"{clip.path} has no {frames} frames with a face in a row; ask for fewer "
                    f"frames, or leave it out"
                )
        self.sources, self.length = sources, length
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)
        self.size, self.frames = size, frames
        self.hears = Hearing(mel_steps, mel_steps / 2 if mel_ahead is None else mel_ahead)
        self.window, self.strength, self.seed = window, strength, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng((self.seed, index))
        source = self.sources[rng.choice(len(self.sources), p=self.shares)]
        moments = source.moments(rng, self.frames)
        view = View.random(self.size, rng, self.strength)
        pairs = [source.pair(first, second, view) for first, second in moments]
        if self.window is not None:
            pairs = _windowed(pairs, self.window, rng)
        late = rng.uniform(-0.5, 0.5) / STEP_RATE if self.strength else 0.0
        firsts, seconds = [m[0] for m in moments], [m[1] for m in moments]
        return Batch(
            _images([p.image1 for p in pairs]),
            _images([p.image2 for p in pairs]),
            _windows(firsts, late, self.hears),
            _windows(seconds, late, self.hears),
            torch.from_numpy(np.stack([p.landmarks1 for p in pairs])).float(),
            torch.from_numpy(np.stack([p.landmarks2 for p in pairs])).float(),
            _lips(firsts),
            _lips(seconds),
        )


def _windowed(pairs: list[Pair], side: int, rng: np.random.Generator) -> list[Pair]:
    """Cut one random window out of every frame, the mouth in the middle half of it."""
    room = pairs[0].image1.shape[0] - side
    mouth = pairs[0].landmarks1[MOUTH].mean(0)
    x, y = (int(np.clip(c, 0, room)) for c in mouth - side * rng.uniform(0.25, 0.75, 2))
    cut = (slice(y, y + side), slice(x, x + side))
    corner = np.array([x, y], np.float32)
    return [
        Pair(p.image1[cut], p.image2[cut], p.landmarks1 - corner, p.landmarks2 - corner)
        for p in pairs
    ]


def _images(frames: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


def _lips(moments: list[Moment]) -> Tensor:
    return torch.from_numpy(np.stack([m.clip.lips[m.number] for m in moments]))


def _windows(moments: list[Moment], late: float, hears: Hearing) -> Tensor:
    clip: ClipFile = moments[0].clip
    times = clip.times[[m.number for m in moments]] + late
    return mel_windows(clip.mel, times, hears)
