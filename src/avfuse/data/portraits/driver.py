"""Clips whose sound and lips portraits are given, speaking or silent."""

import copy
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from safetensors.torch import load_file, save
from tqdm import tqdm

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import starts
from avfuse.data.portraits.motion import Motion, motion_of
from avfuse.files.whole import write_whole
from avfuse.geometry.lips import lip_aperture
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram

_FORMAT = "1"  # of cached motions; another one makes them anew
_OPEN = 0.2  # of a clip's moments, those with the lips widest apart, are wide open
_BEFORE = 0.5  # seconds of silence before its first frame
_HUSHED = 0.25  # of the silences are digital: nothing at all
_LOUDNESS = (-90.0, -35.0)  # of the others, dBFS
_FALL = (0.0, 2.0)  # of their power with the frequency: white to brown


class Driver(ClipFile):
    """A clip that knows how its face moves."""

    @functools.cached_property
    def motion(self) -> Motion:
        """Of its mouth; fitted once, and kept beside the clip."""
        self.fit()
        return Motion(**load_file(self._motion_path))

    def fit(self) -> None:
        """Find its motion, unless it lies there already."""
        if not self.is_fitted:
            write_whole(self._motion_path, save(motion_of(self.landmarks)._asdict()))

    @property
    def is_fitted(self) -> bool:
        """Whether its motion lies there already."""
        return self._motion_path.exists()

    @property
    def _motion_path(self) -> Path:
        return self.path.with_suffix(f".motion-{_FORMAT}")

    def wide_open(self, length: int) -> np.ndarray:
        """Of the frames that `length` valid ones begin with, those with the lips widest apart."""
        candidates = starts(self.valid, length)
        apart = lip_aperture(torch.from_numpy(self.lips[candidates])).numpy()
        return candidates[np.argsort(apart)[-max(1, round(_OPEN * len(apart))) :]]

    def silent(self, rng: np.random.Generator, length: int) -> "Driver":
        """The first `length` frames as if nothing were said: lips at rest, the room's noise."""
        quiet, rest = copy.copy(self), self.motion.resting.numpy()
        quiet.valid = np.arange(length)
        quiet.times = self.times[:length] - self.times[0] + _BEFORE
        samples = round((float(quiet.times[-1]) + _BEFORE) * SAMPLE_RATE)
        quiet.mel = mel_spectrogram(torch.from_numpy(room_noise(rng, samples)))
        quiet.lips = np.repeat(self.lips[rest].mean(0, keepdims=True), length, 0)
        quiet.landmarks = np.repeat(self.landmarks[rest[:1]], length, 0)
        quiet.motion = self.motion.still(length)
        return quiet


def drivers(clips: Sequence[Path]) -> list[Driver]:
    """Open cached clips to drive others with; faces that were not fitted before are."""
    found = [Driver(path) for path in clips]
    missing = [driver for driver in found if len(driver.valid) and not driver.is_fitted]
    for driver in tqdm(missing, "fitting faces", unit="clip", disable=not missing):
        driver.fit()
    return found


def room_noise(rng: np.random.Generator, samples: int) -> Float32[np.ndarray, "{samples}"]:
    """What a room sounds like in which nobody speaks; at times nothing at all.

    Args:
        rng: of its loudness, its colour and itself.
        samples: at 16 kHz.
    """
    if rng.random() < _HUSHED:
        return np.zeros(samples, np.float32)
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** (-rng.uniform(*_FALL) / 2)
    noise = np.fft.irfft(spectrum, samples)
    loudness = 10 ** (rng.uniform(*_LOUDNESS) / 20)
    return (noise * loudness / np.sqrt(np.square(noise).mean())).clip(-1, 1).astype(np.float32)
