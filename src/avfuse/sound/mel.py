"""The Wav2Lip mel spectrogram, its windows around frames, and the same thing pushed in pieces.

Samples are 16 kHz mono float in [-1, 1]. Mel step k is centred on sample 200·k, that is on
k / 80 seconds, so a window centred on a frame's timestamp needs no rate but its own.
"""

import functools
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SAMPLE_RATE = 16_000
"""Samples a second that every function here expects."""
HOP = 200
"""Samples from one mel step to the next."""
STEP_RATE = SAMPLE_RATE / HOP
"""Mel steps a second: 80."""
MELS = 80
"""Mel bands, 55 to 7600 Hz."""
SILENCE = -4.0
"""The value of every band in silence; the loudest is +4."""

_WINDOW = 800
_LOW, _HIGH = 55.0, 7600.0


@functools.cache
@torch.inference_mode(False)  # or the first caller's mode would bar every later one from gradients
def mel_filterbank() -> Float[Tensor, "bins 80"]:
    """Triangular filters on the Slaney scale with Slaney's norm, (401, 80).

    From torchaudio; where that cannot load, from the same definition written out here.
    """
    try:
        from torchaudio.functional import melscale_fbanks
    except (ImportError, OSError, RuntimeError):  # e.g. built for another CUDA than torch
        return _slaney_filterbank()
    bins = _WINDOW // 2 + 1
    return melscale_fbanks(bins, _LOW, _HIGH, MELS, SAMPLE_RATE, norm="slaney", mel_scale="slaney")


def mel_spectrogram(waveform: Float[Tensor, "... L"]) -> Float[Tensor, "... 80 S"]:
    """Mel spectrogram with Wav2Lip's settings.

    Pre-emphasis 0.97, magnitude STFT of 800 samples (periodic Hann, centred, reflected at the
    ends), 20·log10 floored at -100 dB, minus 20 dB, scaled to ±4 and clipped.

    Args:
        waveform: 16 kHz mono in [-1, 1], (..., L); L > 400.

    Returns:
        (..., 80, S) with S = L // 200 + 1; step k is centred on sample 200·k.

    Raises:
        ValueError: if there are too few samples to reflect.
    """
    if waveform.shape[-1] <= _WINDOW // 2:
        raise ValueError(
            f"the waveform has {waveform.shape[-1]} samples; at least {_WINDOW // 2 + 1} "
            f"({(_WINDOW // 2 + 1) / SAMPLE_RATE * 1000:.0f} ms at 16 kHz) are needed"
        )
    return _mel(_reflect(_emphasise(F.pad(waveform, (1, 0)))))


def mel_windows(
    mel: Float[Tensor, "80 S"], times: Float[Tensor, "T"], steps: int = 16
) -> Float[Tensor, "T 80 steps"]:
    """Cut the window of `steps` mel steps centred on each time; silence beyond the ends.

    Args:
        mel: of a whole recording, (80, S).
        times: seconds from the recording's start, (T,).
        steps: mel steps a window; 16 are 200 ms.

    Returns:
        (T, 80, steps).
    """
    first = window_starts(times, steps)
    padded = F.pad(mel, (steps, steps), value=SILENCE)
    index = (first.to(mel.device).clamp(-steps, mel.shape[-1]) + steps).unsqueeze(1) + torch.arange(
        steps, device=mel.device
    )
    return padded[:, index].transpose(0, 1)


def window_starts(times: Float[Tensor, "T"], steps: int) -> Tensor:
    """First mel step of the window centred on each time (int64, may be negative)."""
    return (times.double() * STEP_RATE - (steps - 1) / 2).round().long()


class MelStream:
    """[`mel_spectrogram`][avfuse.mel_spectrogram] of a recording that arrives in pieces.

    Push samples, get the steps that are complete; `flush` gives the rest. All pieces together are
    the whole recording's mel. State: the samples that the next step still needs.
    """

    def __init__(self) -> None:
        self._last = torch.zeros(1)
        self._pending = torch.empty(0)
        self._started = False

    def push(self, samples: Float[Tensor, "L"]) -> Float[Tensor, "80 S"]:
        """Add samples of any number; return the mel steps that they complete, (80, S)."""
        if samples.numel():
            joined = torch.cat([self._last, samples])
            self._last = joined[-1:].clone()
            self._pending = torch.cat([self._pending, _emphasise(joined)])
        if not self._started:
            if self._pending.numel() <= _WINDOW // 2:
                return torch.empty(MELS, 0)
            self._started = True
            head = self._pending[1 : _WINDOW // 2 + 1].flip(0)
            self._pending = torch.cat([head, self._pending])
        steps = max(0, (self._pending.numel() - _WINDOW) // HOP + 1)
        # The reflected end needs the last 401 samples; they stay, since a step needs 800.
        return self._take(steps)

    def flush(self) -> Float[Tensor, "80 S"]:
        """End the recording; return the steps that were still waiting for samples."""
        first = torch.empty(MELS, 0)
        if not self._started:  # shorter than the reflection needs: silence behind it
            first = self.push(torch.zeros(_WINDOW // 2 + 1 - self._pending.numel()))
        tail = self._pending[-_WINDOW // 2 - 1 : -1].flip(0)
        self._pending = torch.cat([self._pending, tail])
        return torch.cat([first, self._take((self._pending.numel() - _WINDOW) // HOP + 1)], 1)

    def _take(self, steps: int) -> Tensor:
        if steps == 0:
            return torch.empty(MELS, 0)
        mel = _mel(self._pending[: (steps - 1) * HOP + _WINDOW])
        self._pending = self._pending[steps * HOP :].clone()
        return mel


def _emphasise(waveform: Tensor) -> Tensor:
    return waveform[..., 1:] - 0.97 * waveform[..., :-1]


def _reflect(waveform: Tensor) -> Tensor:
    half = _WINDOW // 2
    flat = waveform.reshape(1, -1, waveform.shape[-1])
    return F.pad(flat, (half, half), mode="reflect").reshape(*waveform.shape[:-1], -1)


def _mel(padded: Tensor) -> Tensor:
    window = torch.hann_window(_WINDOW, dtype=padded.dtype, device=padded.device)
    frames = padded.unfold(-1, _WINDOW, HOP) * window
    magnitude = torch.fft.rfft(frames).abs()
    filters = mel_filterbank().to(magnitude)
    level = 20 * torch.log10((magnitude @ filters).clamp_min(1e-5)) - 20
    return (8 * (level + 100) / 100 - 4).clamp(-4, 4).transpose(-1, -2)


def _slaney_filterbank() -> Tensor:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above; filters of equal area."""

    def to_mel(hertz: float) -> float:
        return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)

    mels = torch.linspace(to_mel(_LOW), to_mel(_HIGH), MELS + 2, dtype=torch.float64)
    linear, logarithmic = mels * 200 / 3, 1000 * torch.exp((mels - 15) * math.log(6.4) / 27)
    edges = torch.where(mels < 15, linear, logarithmic)
    bins = torch.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1, dtype=torch.float64).unsqueeze(1)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (edges[2:] - edges[:-2])).float()
