"""A room's noise: as loud as is said, and of as much power in every octave."""

import numpy as np
import pytest
import scipy.signal
import torch

from avfuse.sound.mel import SAMPLE_RATE, SILENCE, mel_spectrogram
from avfuse.sound.noise import room_noise


@pytest.mark.parametrize("level", [-55.0, -35.0])
def test_level_is_the_root_mean_square(level):
    noise = room_noise(30_001, level)
    assert len(noise) == 30_001
    assert 10 * torch.log10(noise.square().mean()) == pytest.approx(level, abs=1e-3)


def test_every_octave_has_the_same_power():
    noise = room_noise(20 * SAMPLE_RATE, -20.0).numpy()
    hertz, power = scipy.signal.welch(noise, SAMPLE_RATE, nperseg=8192)
    edges = 50 * 2 ** np.arange(7)
    octaves = [power[(hertz >= low) & (hertz < 2 * low)].sum() for low in edges]
    np.testing.assert_allclose(10 * np.log10(np.array(octaves) / octaves[0]), 0, atol=0.7)


def test_no_level_is_silence():
    noise = room_noise(4000, -torch.inf)
    assert (noise == 0).all()
    assert (mel_spectrogram(noise) == SILENCE).all()


def test_the_same_every_time_and_other_by_seed():
    assert torch.equal(room_noise(1000, -40.0), room_noise(1000, -40.0))
    assert not torch.equal(room_noise(1000, -40.0), room_noise(1000, -40.0, seed=1))
