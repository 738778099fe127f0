"""Mel-frequency cepstral coefficients with the default settings of python_speech_features 0.6.

SyncNet was trained on exactly these; torchaudio's differ in window, filters and scale.
"""

import functools
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

COEFFICIENTS = 13
"""Numbers a step; the first is the step's log energy."""
STEP = 160
"""Samples from one step to the next: 100 steps a second at 16 kHz."""

_WINDOW, _FFT, _FILTERS, _LIFTER = 400, 512, 26, 22
_RATE = 16_000
_LEAST = torch.finfo(torch.float64).eps  # stands for zero energy, whose logarithm is none


def mfcc(waveform: Float[Tensor, "L"]) -> Float[Tensor, "S 13"]:
    """MFCCs of a recording, as of its int16 samples.

    Pre-emphasis 0.97, rectangular windows of 400 samples every 160, power spectrum of 512 points,
    26 triangular filters from 0 to 8000 Hz, logarithm, orthonormal DCT-II, lifter 22; the first
    coefficient is replaced by the logarithm of the window's energy.

    Args:
        waveform: 16 kHz mono in [-1, 1]; at least one sample.

    Returns:
        One row a step; the last window is filled up with zeros.
    """
    samples = (waveform.double() * 32768).round().clamp(-32768, 32767)
    emphasised = torch.cat([samples[:1], samples[1:] - 0.97 * samples[:-1]])
    steps = 1 + max(0, math.ceil((len(samples) - _WINDOW) / STEP))
    padded = F.pad(emphasised, (0, (steps - 1) * STEP + _WINDOW - len(samples)))
    power = torch.fft.rfft(padded.unfold(0, _WINDOW, STEP), _FFT).abs().square() / _FFT
    bands = power @ _filterbank().to(power.device)
    cepstrum = _logarithm(bands) @ _liftered_dct().to(power.device)
    return torch.cat([_logarithm(power.sum(1, keepdim=True)), cepstrum[:, 1:]], 1).float()


def _logarithm(energy: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    return energy.where(energy != 0, _LEAST).log()


@functools.cache
@torch.inference_mode(False)
def _filterbank() -> Float[Tensor, "257 26"]:
    """Triangles between whole bins, equally far apart on the mel scale 2595·log10(1 + f/700)."""
    highest = 2595 * math.log10(1 + _RATE / 2 / 700)
    mels = torch.linspace(0, highest, _FILTERS + 2, dtype=torch.float64)
    hertz = 700 * (10 ** (mels / 2595) - 1)
    edges = ((_FFT + 1) * hertz / _RATE).floor()
    bins = torch.arange(_FFT // 2 + 1, dtype=torch.float64).unsqueeze(1)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.where(bins < middle, rising, falling).clamp_min(0)


@functools.cache
@torch.inference_mode(False)
def _liftered_dct() -> Float[Tensor, "26 13"]:
    k = torch.arange(COEFFICIENTS, dtype=torch.float64)
    n = torch.arange(_FILTERS, dtype=torch.float64).unsqueeze(1)
    dct = math.sqrt(2 / _FILTERS) * torch.cos(math.pi * k * (2 * n + 1) / (2 * _FILTERS))
    return dct * (1 + _LIFTER / 2 * torch.sin(math.pi * k / _LIFTER))
