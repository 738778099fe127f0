"""Noise under speech, on the mel: near the mel of the mixture that it stands for."""

import math

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.rhythmic_head_motion.noise import RATIOS, NoiseBank, gain_for, mixed
from avfuse.sound.mel import mel_spectrogram
from avfuse.sound.noise import room_noise


@pytest.fixture(scope="module")
def speech():
    clip = synthetic_clip(4, seconds=2.0, fps=0.5, size=32)
    return torch.from_numpy(clip.waveform)


@pytest.mark.parametrize("ratio", [6.0, 18.0, 30.0])
def test_is_near_the_mel_of_both_sounds(speech, ratio):
    noise = room_noise(len(speech), -20.0)
    mels = mel_spectrogram(speech), mel_spectrogram(noise)
    gain = gain_for(*mels, ratio)
    truth = mel_spectrogram(speech + 10 ** (gain / 20) * noise)
    made = mixed(*mels, gain)
    assert (made - truth).abs().mean() < 0.2  # levels, of 8
    assert (made - truth).abs().mean() < 0.35 * (mels[0] - truth).abs().mean()


def test_the_ratio_is_one_of_powers(speech):
    mel = mel_spectrogram(speech)
    assert gain_for(mel, mel, 6.0) == pytest.approx(-6, abs=1e-3)
    quieter = mel_spectrogram(speech * 0.1)
    assert gain_for(mel, quieter, 0.0) == pytest.approx(20, abs=0.5)


def test_noise_far_below_changes_nothing_and_as_loud_a_one_adds_three_decibels(speech):
    mel = mel_spectrogram(speech).clamp(-3, 3)
    torch.testing.assert_close(mixed(mel, mel, -90.0), mel, rtol=0, atol=1e-3)
    louder = mixed(mel, mel, 0.0)
    step = 10 * math.log10(2) * 8 / 100
    torch.testing.assert_close(louder, mel + step, rtol=0, atol=1e-3)


def test_a_bank_mixes_at_every_ratio_and_the_same_again(speech):
    assert RATIOS == (6, 9, 12, 15, 18, 21, 24, 27, 30)
    bank, mel = NoiseBank(), mel_spectrogram(speech)
    windows = mel[:, :22].expand(3, -1, -1)
    one, other = (bank.under(windows, mel, np.random.default_rng(7)) for _ in range(2))
    assert torch.equal(one, other)
    assert (one >= windows - 1e-3).all()  # power is added
    assert not torch.equal(one, windows)


def test_recordings_may_be_given(speech, made, tmp_path):
    made.speech(tmp_path / "one.wav", speech.numpy())
    assert len(NoiseBank(str(tmp_path)).mels) == 1


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data\.noise=.* holds no recording"):
        NoiseBank(str(tmp_path))
