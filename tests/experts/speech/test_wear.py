"""What voices go through in training."""

import numpy as np
import pytest
import torch

from avfuse.experts.speech.voices import invented_speech
from avfuse.experts.speech.wear import coloured_noise, no_speech, worn_mel, worn_sound
from avfuse.sound.mel import SILENCE


def level(sound):
    return 10 * np.log10(np.mean(np.square(sound)) + 1e-20)


@pytest.fixture(scope="module")
def sound():
    return (invented_speech(0).sound[:20_000].float() / 32768).numpy()


def test_worn_speech_differs_and_stays_in_range(sound):
    def other():
        return sound[::-1].copy()

    worn = [worn_sound(sound, other, np.random.default_rng(seed)) for seed in range(30)]
    assert all(w.shape == sound.shape and w.dtype == np.float32 for w in worn)
    assert all(np.abs(w).max() <= 1 and np.isfinite(w).all() for w in worn)
    again = worn_sound(sound, other, np.random.default_rng(4))
    np.testing.assert_array_equal(again, worn[4])
    assert np.std([level(w) for w in worn]) > 3
    # What is said is still there: in most of them it can be seen by its loudness.
    envelopes = [np.square(s).reshape(-1, 400).mean(1) for s in (sound, *worn)]
    likeness = [np.corrcoef(np.log(envelopes[0] + 1e-9), np.log(e + 1e-9))[0, 1] for e in envelopes]
    assert np.median(likeness) > 0.6


def test_nobody_talking_is_quiet_or_silent():
    heard = [no_speech(8_000, np.random.default_rng(seed)) for seed in range(60)]
    levels = [level(sound) for sound in heard]
    assert sum(not sound.any() for sound in heard) in range(2, 25)
    assert max(levels) < -15


@pytest.mark.parametrize(("colour", "slope"), [(0.0, 0.0), (1.0, -3.0), (2.0, -6.0)])
def test_noise_has_its_colour(colour, slope):
    noise = coloured_noise(64_000, np.random.default_rng(0), colour)
    assert np.mean(noise**2) == pytest.approx(1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [10 * np.log10(power[400 * k : 800 * k].mean()) for k in (1, 2, 4, 8, 16)]
    assert np.diff(octaves) == pytest.approx(slope, abs=0.5)


def test_worn_windows_keep_their_middle():
    torch.manual_seed(0)
    mel = torch.rand(40, 3, 80, 16) * 4
    worn = worn_mel(mel)
    assert worn.shape == mel.shape
    assert not torch.equal(worn, mel)
    heard = (worn != SILENCE).float()
    assert (heard[..., 3:13].mean(2) > 0.7).all()  # no more than a hole of 14 bands
    assert 0.02 < (worn[..., 0] == SILENCE).float().mean() < 0.5


def test_windows_of_a_row_have_one_throat():
    torch.manual_seed(0)
    mel = torch.linspace(-3, 3, 80)[None, None, :, None].expand(8, 2, 80, 16)
    worn = worn_mel(mel)
    both = (worn != SILENCE).all(1)
    assert (worn[:, 0] - worn[:, 1]).abs()[both].max() < 1e-6
    assert (worn[0] - worn[1]).abs().max() > 0.01
