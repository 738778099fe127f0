"""How much of the lips can be read off features of sound by a linear map: ridge regression."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.lips import lip_aperture, lip_shapes
from avfuse.sound.mel import mel_spectrogram, mel_windows
from avfuse.video.audio import read_audio

RATE = 25
"""Moments a second that lips and sound are compared at."""

REACH = 2
"""Moments on either side whose features a probe with context sees too: 80 ms."""

PENALTIES = (1e0, 1e1, 1e2, 1e3, 1e4)
"""Of the ridge, for features of variance 1; the best on every fifth clip is taken."""


class Heard(NamedTuple):
    """A clip's sound and what its lips do.

    Attributes:
        mel: of the whole recording.
        times: moments, in seconds of the sound.
        aperture: opening of the inner lips at each, less the clip's mean, in distances from eyes
            to mouth; NaN where no face was found.
    """

    mel: Float[Tensor, "80 S"]
    times: Float[Tensor, "T"]
    aperture: Float[Tensor, "T"]


Features = Callable[[Heard], Float[Tensor, "T D"]]
"""What a probe sees of a clip."""


def read_heard(video: Path, labels: Path, late: float = 0.0) -> Heard:
    """A clip's sound and its lips.

    Args:
        video: with sound.
        labels: folder of `<speaker>__<clip>.npz` with `landmarks` (T, 68, 3) and `fps`.
        late: seconds by which the sound is heard after it is seen.
    """
    with np.load(labels / f"{video.parent.name}__{video.stem}.npz") as file:
        points, rate = file["landmarks"][..., :2], float(file["fps"])
    aperture = lip_aperture(torch.from_numpy(lip_shapes(points))).numpy()
    seen = np.arange(len(aperture)) / rate
    times = np.arange(0, seen[-1], 1 / RATE)
    # Between a frame with a face and one without there is no aperture either.
    opening = torch.from_numpy(np.interp(times, seen, aperture)).float()
    mel = mel_spectrogram(read_audio(video))
    return Heard(mel, torch.from_numpy(times) + late, opening - opening.nanmean())


def encoded(encoder: Callable[[Tensor], Tensor], steps: int) -> Features:
    """Features of an audio encoder over windows of so many mel steps."""

    @torch.inference_mode()
    def features(clip: Heard) -> Tensor:
        return encoder(mel_windows(clip.mel, clip.times, steps)).float()

    return features


def loudness(clip: Heard) -> Float[Tensor, "T 1"]:
    """The mean mel level of the 50 ms around each moment."""
    return mel_windows(clip.mel, clip.times, 4).mean((1, 2))[:, None]


def with_context(features: Features, reach: int = REACH) -> Features:
    """Features of the moments on either side beside a moment's own; the ends repeat."""

    def wider(clip: Heard) -> Tensor:
        own = features(clip)
        index = torch.arange(len(own))
        places = [(index + k).clamp(0, len(own) - 1) for k in range(-reach, reach + 1)]
        return torch.cat([own[place] for place in places], 1)

    return wider


def remembered(features: Features) -> Features:
    """The same, worked out once a clip."""
    known: dict[int, Tensor] = {}

    def once(clip: Heard) -> Tensor:
        if id(clip) not in known:
            known[id(clip)] = features(clip)
        return known[id(clip)]

    return once


class Ridge:
    """A linear map from features of sound to the lips' aperture.

    Args:
        clips: to fit it to.
        features: what it sees.
    """

    def __init__(self, clips: Sequence[Heard], features: Features) -> None:
        self.features = features
        seen = [features(clip).double() for clip in clips]
        rows = torch.cat(seen)
        self.mean, self.scale = rows.mean(0), rows.std(0).clamp_min(1e-6)
        pairs = [(self._scaled(x), c.aperture.double()) for x, c in zip(seen, clips, strict=True)]
        check = [pair for i, pair in enumerate(pairs) if i % 5 == 4] or pairs
        fit = [pair for i, pair in enumerate(pairs) if i % 5 != 4]
        tried = [_solved(fit, penalty) for penalty in PENALTIES]
        scores = [np.nanmean([correlation(x @ w, y) for x, y in check]) for w in tried]
        self.weights = _solved(pairs, PENALTIES[int(np.argmax(scores))])

    def __call__(self, clip: Heard) -> Float[Tensor, "T"]:
        """The aperture that the sound suggests, up to a constant."""
        return self._scaled(self.features(clip).double()) @ self.weights

    def _scaled(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.scale


def score(ridge: Ridge, clips: Sequence[Heard]) -> float:
    """Correlation of suggested and true aperture, the mean over clips."""
    return float(np.nanmean([correlation(ridge(clip), clip.aperture) for clip in clips]))


def correlation(a: Float[Tensor, "T"], b: Float[Tensor, "T"]) -> float:
    """Pearson's, over the moments that both know."""
    known = ~(a.isnan() | b.isnan())
    return float(torch.corrcoef(torch.stack([a[known].double(), b[known].double()]))[0, 1])


def _solved(pairs: Sequence[tuple[Tensor, Tensor]], penalty: float) -> Float[Tensor, "D"]:
    x, y = torch.cat([p[0] for p in pairs]), torch.cat([p[1] for p in pairs])
    known = ~y.isnan()
    x, y = x[known], y[known]
    gram = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    return torch.linalg.solve(gram, x.T @ y)
