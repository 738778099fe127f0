"""MFCCs against python_speech_features' formulae, one window at a time with numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.fft import dct

from avfuse.data.synthetic import synthetic_clip
from avfuse.metrics import mfcc


def by_hand(samples):
    """int16 samples to (steps, 13), after the documentation of python_speech_features 0.6."""
    emphasised = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    rows = []
    for start in range(0, max(1, 160 * int(np.ceil((len(samples) - 400) / 160)) + 1), 160):
        window = np.zeros(400)
        part = emphasised[start : start + 400]
        window[: len(part)] = part
        power = np.abs(np.fft.rfft(window, 512)) ** 2 / 512
        bands, energy = filters() @ power, power.sum()
        floor = np.finfo(float).eps
        cepstrum = dct(np.log(np.where(bands == 0, floor, bands)), type=2, norm="ortho")[:13]
        cepstrum *= 1 + 11 * np.sin(np.pi * np.arange(13) / 22)
        cepstrum[0] = np.log(energy or floor)
        rows.append(cepstrum)
    return np.stack(rows)


def filters():
    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    points = 700 * (10 ** (np.linspace(mel(0), mel(8000), 28) / 2595) - 1)
    bins = np.floor(513 * points / 16000).astype(int)
    bank = np.zeros((26, 257))
    triples = np.lib.stride_tricks.sliding_window_view(bins, 3)
    for row, (low, middle, high) in zip(bank, triples, strict=True):
        row[low:middle] = (np.arange(low, middle) - low) / (middle - low)
        row[middle:high] = (high - np.arange(middle, high)) / (high - middle)
    return bank


def int16(waveform):
    return np.clip(np.round(waveform.double().numpy() * 32768), -32768, 32767)


@pytest.mark.parametrize("length", [1, 399, 400, 401, 560, 561, 8000])
def test_agrees_with_the_formulae(length):
    waveform = torch.from_numpy(synthetic_clip(2, seconds=0.6, size=32).waveform[-length:])
    want = by_hand(int16(waveform))
    assert mfcc(waveform).shape == want.shape
    np.testing.assert_allclose(mfcc(waveform), want, atol=1e-4)


def test_silence_is_finite():
    values = mfcc(torch.zeros(1000))
    np.testing.assert_allclose(values, by_hand(np.zeros(1000)), atol=1e-4)
    assert values[:, 0] == pytest.approx(np.log(np.finfo(float).eps), rel=1e-6)


def test_is_of_the_int16_samples():
    """Louder than full scale is clipped, finer than a step is rounded away."""
    waveform = torch.linspace(-2, 2, 900)
    torch.testing.assert_close(mfcc(waveform), mfcc(waveform.clamp(-1, 32767 / 32768)))
    torch.testing.assert_close(mfcc(torch.full((900,), 1e-6)), mfcc(torch.zeros(900)))


def test_ten_times_as_loud_is_a_hundred_times_the_energy():
    tone = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(1600) / 16000)
    quiet, loud = mfcc(tone / 10), mfcc(tone)
    torch.testing.assert_close(
        loud[:, 0] - quiet[:, 0], torch.full((9,), np.log(100.0)).float(), atol=0.01, rtol=0
    )
