"""Mel windows of speech with their phones, as the speech encoder learns from them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.experts.speech.phones import UNKNOWN
from avfuse.experts.speech.recordings import Spoken
from avfuse.experts.speech.wear import no_speech, worn_sound
from avfuse.sound.mel import HOP, mel_spectrogram

_STEPS = 96
"""Mel steps of a piece that windows are taken from: 1.2 s."""
_ROOM = 2  # mel steps at either end that hear its reflection, and are left out
_FASTEST = 1.1


class Windows(NamedTuple):
    """Windows of sound and what is said in them.

    Attributes:
        mel: B rows of K windows.
        labels: the phone at each of M moments of a window, or `UNKNOWN`.
    """

    mel: Float[Tensor, "B K 80 S"]
    labels: Int[Tensor, "B K M"]


class SpokenWindows(Dataset[Windows]):
    """Windows drawn at random from recordings that are worn on the way; item i stays the same.

    Args:
        spoken: labelled recordings.
        weights: how often each is drawn from, relative.
        steps: mel steps a window.
        moments: of a window whose phones are asked for, the middle one the window's own.
        length: items an epoch; item i differs for every i, also beyond.
        windows: K, an item.
        nothing: share of items in which nobody talks.
        seed: of everything random.
    """

    def __init__(
        self,
        spoken: Sequence[Spoken],
        weights: Sequence[float],
        *,
        steps: int,
        moments: Sequence[int],
        length: int,
        windows: int,
        nothing: float,
        seed: int,
    ) -> None:
        self.spoken, self.length, self.seed = spoken, length, seed
        self.steps, self.moments = steps, np.asarray(moments)
        self.windows, self.nothing = windows, nothing
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Windows:
        rng = np.random.default_rng((self.seed, index))
        if rng.random() < self.nothing:
            sound = no_speech((_STEPS + 2 * _ROOM) * HOP, rng)
            labels = np.zeros(_STEPS, np.int64)
        else:
            sound, labels = self._piece(rng)
            sound = worn_sound(sound, lambda: self._piece(rng)[0], rng)
        mel = mel_spectrogram(torch.from_numpy(sound))[:, _ROOM : _ROOM + _STEPS]
        starts = self._starts(labels, rng)
        cut = mel.unfold(1, self.steps, 1)[:, starts].transpose(0, 1)
        return Windows(cut, torch.from_numpy(labels[starts[:, None] + self.moments]))

    def _piece(self, rng: np.random.Generator) -> tuple[Float32[np.ndarray, "L"], np.ndarray]:
        """Sound at another speed and the labels of its middle; silence beyond the recording."""
        spoken = self.spoken[rng.choice(len(self.spoken), p=self.shares)]
        speed = rng.uniform(2 - _FASTEST, _FASTEST)
        steps = _STEPS + 2 * _ROOM
        first = int(rng.integers(-_ROOM, max(1, len(spoken.labels) - int(steps * speed))))
        places = first + speed * np.arange(steps * HOP) / HOP
        part = slice(max(0, first) * HOP, (first + int(steps * speed) + 2) * HOP)
        samples = spoken.sound[part].numpy() / np.float32(32768)
        sound = np.interp(places * HOP, part.start + np.arange(len(samples)), samples, 0, 0)
        heard = np.round(places[_ROOM * HOP : -_ROOM * HOP : HOP]).astype(np.int64)
        inside = (heard >= 0) & (heard < len(spoken.labels))
        labels = spoken.labels.numpy()[heard.clip(0, len(spoken.labels) - 1)]
        return sound.astype(np.float32), np.where(inside, labels, 0)

    def _starts(self, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Where windows begin: half as often in silence, never where nobody knows."""
        middle = labels[self.moments[len(self.moments) // 2] :][: _STEPS - self.steps + 1]
        weight = np.where(middle == 0, 0.5, 1.0) * (middle != UNKNOWN) + 1e-9
        return rng.choice(len(middle), self.windows, p=weight / weight.sum())


class WholeRecordings(Dataset[Windows]):
    """Every `stride`-th window of each recording, as it is: what is held back to be scored.

    Args:
        spoken: labelled recordings, of at least 50 ms.
        steps: mel steps a window.
        moments: of a window whose phones are asked for.
        stride: mel steps from one window to the next.
    """

    def __init__(
        self, spoken: Sequence[Spoken], steps: int, moments: Sequence[int], stride: int = 8
    ) -> None:
        self.spoken, self.steps, self.stride = spoken, steps, stride
        self.moments = torch.tensor(list(moments))

    def __len__(self) -> int:
        return len(self.spoken)

    def __getitem__(self, index: int) -> Windows:
        spoken = self.spoken[index]
        mel = mel_spectrogram(spoken.sound.float() / 32768)
        last = max(1, min(mel.shape[1], len(spoken.labels)) - self.steps + 1)
        starts = torch.arange(0, last, self.stride)
        if mel.shape[1] < self.steps:
            mel = torch.nn.functional.pad(mel, (0, self.steps - mel.shape[1]), value=-4.0)
        labels = torch.nn.functional.pad(spoken.labels, (0, self.steps), value=UNKNOWN)
        cut = mel.unfold(1, self.steps, 1)[:, starts].transpose(0, 1)
        return Windows(cut, labels[starts[:, None] + self.moments])
