"""Segments of clips, as the sync expert learns from them: mouths in a row and the sound around."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors import safe_open
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.data.clip import ClipFile
from avfuse.metrics.mouth_crops import frames_at_rate, mouth_crops
from avfuse.metrics.sync import extended
from avfuse.metrics.sync_expert import FRAMES, STEPS
from avfuse.sound.mel import STEP_RATE, mel_windows

ROOM = 8
"""Pixels on each side of the mouths kept for training, so that views may err."""

PIECE = 75
"""Frames of a clip that is scored: 3 s, the length of a sentence of the GRID corpus."""


class Track(NamedTuple):
    """One clip's mouths, 25 a second, and its sound.

    Attributes:
        mouths: grey, with room at the edges.
        times: of the frames, in seconds.
        mel: of the whole recording.
        speaker: who it is, the same number in all clips.
    """

    mouths: UInt8[Tensor, "T room room"]
    times: Float[Tensor, "T"]
    mel: Float[Tensor, "80 steps"]
    speaker: int


class Segments(NamedTuple):
    """A batch: windows that follow each other, and the sound around them.

    Attributes:
        mouths: frames of W windows, T = W + `FRAMES` - 1; in bytes until they are on the device.
        mel: the window of each moment, from `reach` before the first to `reach` after the last.
        speaker: who it is, by number.
    """

    mouths: Tensor
    mel: Float[Tensor, "B A 80 steps"]
    speaker: Int[Tensor, "B"]


def read_track(clip: ClipFile, speaker: int = 0) -> Track:
    """Cut the mouths out of a cached clip."""
    index = frames_at_rate(clip.times.numpy())
    with safe_open(clip.path, "pt") as file:
        frames = file.get_tensor("frames").numpy()
    mouths = mouth_crops((frames[i] for i in index), clip.landmarks[index], ROOM)
    return Track(torch.from_numpy(mouths), clip.times[index], clip.mel, speaker)


class SegmentSamples(Dataset[Segments]):
    """Segments drawn from tracks at random; item i is the same whenever it is asked for.

    Args:
        tracks: what is drawn from.
        weights: how often each track is drawn from, relative.
        length: segments an epoch; item i differs for every i, also beyond.
        windows: W, a segment.
        reach: frames of sound on either side.
        seed: of everything random.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        weights: Sequence[float],
        *,
        length: int,
        windows: int,
        reach: int,
        seed: int,
    ) -> None:
        self.tracks, self.length, self.seed = tracks, length, seed
        self.windows, self.reach = windows, reach
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Segments:
        rng = np.random.default_rng((self.seed, index))
        track = self.tracks[rng.choice(len(self.tracks), p=self.shares)]
        length = self.windows + FRAMES - 1
        start = int(rng.integers(len(track.mouths) - length + 1))
        part = slice(start, start + length)
        late = rng.uniform(-0.5, 0.5) / STEP_RATE
        times = extended(track.times[part], self.reach) + late
        sound = mel_windows(track.mel, times, STEPS)
        return Segments(track.mouths[part], sound, torch.tensor(track.speaker))


class Pieces(Dataset[Segments]):
    """Tracks in pieces of 3 s, whole: what is held back to be scored.

    Args:
        tracks: shorter ones are one piece; those too short for a shift of `reach` are left out.
        reach: frames of sound on either side.
    """

    def __init__(self, tracks: Sequence[Track], reach: int) -> None:
        self.reach = reach
        self.pieces = [
            t._replace(mouths=t.mouths[i : i + PIECE], times=t.times[i : i + PIECE])
            for t in tracks
            for i in range(0, max(1, len(t.mouths) - PIECE + 1), PIECE)
            if len(t.mouths) >= FRAMES + reach
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> Segments:
        piece = self.pieces[index]
        times = extended(piece.times, self.reach)
        sound = mel_windows(piece.mel, times, STEPS)
        return Segments(piece.mouths, sound, torch.tensor(piece.speaker))
