"""The mel spectrogram, its windows around frames, and the same thing pushed in pieces.

Samples are 16 kHz mono float in [-1, 1]. Its settings are a value, [`Mel`][avfuse.sound.mel.Mel];
everything takes Wav2Lip's unless told otherwise. Step k is centred on sample `hop`·k, so a window
that is placed by a frame's timestamp needs no rate but its own.
"""

import functools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SAMPLE_RATE = 16_000
"""Samples a second that every function here expects."""
HOP = 200
"""Samples from one of Wav2Lip's mel steps to the next."""
STEP_RATE = SAMPLE_RATE / HOP
"""Wav2Lip's mel steps a second: 80."""
MELS = 80
"""Wav2Lip's mel bands, 55 to 7600 Hz."""
SILENCE = -4.0
"""The value of every band in silence; the loudest is +4."""


class Mel(NamedTuple):
    """Settings of a mel spectrogram; as they stand, Wav2Lip's.

    Attributes:
        bands: on the Slaney scale, with Slaney's norm.
        hop: samples from one step to the next.
        window: samples that a step hears (periodic Hann).
        fft: of the transform, at least `window`; the window lies in its middle.
        low: Hz at which the first band begins.
        high: Hz at which the last one ends.
        emphasis: of the high frequencies, before anything else.
    """

    bands: int = MELS
    hop: int = HOP
    window: int = 800
    fft: int = 800
    low: float = 55.0
    high: float = 7600.0
    emphasis: float = 0.97

    @property
    def rate(self) -> float:
        """Steps a second."""
        return SAMPLE_RATE / self.hop


WAV2LIP = Mel()
"""80 bands, 80 steps a second, 50 ms each."""


class Hearing(NamedTuple):
    """What of the sound a frame hears.

    Attributes:
        steps: mel steps a window.
        ahead: how many of them come after the frame's moment; half of them, for a window in the
            middle of which the frame lies.
        mel: of which mel spectrogram.
    """

    steps: int
    ahead: float
    mel: Mel = WAV2LIP

    @classmethod
    def centred(cls, steps: int, mel: Mel = WAV2LIP) -> "Hearing":
        """A window in the middle of which the frame lies."""
        return cls(steps, steps / 2, mel)

    @property
    def delay(self) -> float:
        """Seconds of sound after a frame's moment that have to be there for its window."""
        return self.ahead / self.mel.rate + self.mel.fft / 2 / SAMPLE_RATE

    def starts(self, times: Float[Tensor, "T"]) -> Tensor:
        """First mel step of each time's window (int64, may be negative)."""
        behind = self.steps - self.ahead - 0.5
        return (times.double() * self.mel.rate - behind).round().long()


@functools.cache
@torch.inference_mode(False)  # or the first caller's mode would bar every later one from gradients
def mel_filterbank(mel: Mel = WAV2LIP) -> Float[Tensor, "bins M"]:
    """Triangular filters on the Slaney scale with Slaney's norm, (fft // 2 + 1, bands).

    From torchaudio; where that cannot load, from the same definition written out here.
    """
    try:
        from torchaudio.functional import melscale_fbanks
    except (ImportError, OSError, RuntimeError):  # e.g. built for another CUDA than torch
        return _slaney_filterbank(mel)
    size = mel.fft // 2 + 1, mel.low, mel.high, mel.bands
    return melscale_fbanks(*size, SAMPLE_RATE, norm="slaney", mel_scale="slaney")


def mel_spectrogram(
    waveform: Float[Tensor, "... L"], mel: Mel = WAV2LIP
) -> Float[Tensor, "... M S"]:
    """Mel spectrogram, as Wav2Lip has it unless other settings are given.

    Pre-emphasis, magnitude STFT (periodic Hann, centred, reflected at the ends), 20·log10 floored
    at -100 dB, minus 20 dB, scaled to ±4 and clipped.

    Args:
        waveform: 16 kHz mono in [-1, 1], (..., L); L > fft // 2.
        mel: settings.

    Returns:
        (..., 80, S) with S = L // 200 + 1; step k is centred on sample 200·k.

    Raises:
        ValueError: if there are too few samples to reflect.
    """
    if waveform.shape[-1] <= mel.fft // 2:
        raise ValueError(
            f"the waveform has {waveform.shape[-1]} samples; at least {mel.fft // 2 + 1} "
            f"({(mel.fft // 2 + 1) / SAMPLE_RATE * 1000:.0f} ms at 16 kHz) are needed"
        )
    return _mel(_reflect(_emphasise(F.pad(waveform, (1, 0)), mel), mel), mel)


def mel_windows(
    mel: Float[Tensor, "M S"], times: Float[Tensor, "T"], steps: int | Hearing = 16
) -> Float[Tensor, "T M steps"]:
    """Cut the window of each time out of a mel spectrogram; silence beyond the ends.

    Args:
        mel: of a whole recording, (M, S).
        times: seconds from the recording's start, (T,).
        steps: mel steps of a window that each time is in the middle of (16 are 200 ms); or what is
            heard, where it is not.

    Returns:
        (T, M, steps).
    """
    hears = steps if isinstance(steps, Hearing) else Hearing.centred(steps)
    first, count = hears.starts(times), hears.steps
    padded = F.pad(mel, (count, count), value=SILENCE)
    index = (first.to(mel.device).clamp(-count, mel.shape[-1]) + count).unsqueeze(1) + torch.arange(
        count, device=mel.device
    )
    return padded[:, index].transpose(0, 1)


class MelStream:
    """[`mel_spectrogram`][avfuse.mel_spectrogram] of a recording that arrives in pieces.

    Push samples, get the steps that are complete; `flush` gives the rest. All pieces together are
    the whole recording's mel. State: the samples that the next step still needs.

    Args:
        mel: settings.
    """

    def __init__(self, mel: Mel = WAV2LIP) -> None:
        self._settings = mel
        self._last = torch.zeros(1)
        self._pending = torch.empty(0)
        self._started = False

    def push(self, samples: Float[Tensor, "L"]) -> Float[Tensor, "M S"]:
        """Add samples of any number; return the mel steps that they complete, (M, S)."""
        half = self._settings.fft // 2
        if samples.numel():
            joined = torch.cat([self._last, samples])
            self._last = joined[-1:].clone()
            self._pending = torch.cat([self._pending, _emphasise(joined, self._settings)])
        if not self._started:
            if self._pending.numel() <= half:
                return torch.empty(self._settings.bands, 0)
            self._started = True
            head = self._pending[1 : half + 1].flip(0)
            self._pending = torch.cat([head, self._pending])
        # The reflected end needs the last half transform; it stays, since a step needs a whole one.
        return self._take(max(0, self._steps()))

    def flush(self) -> Float[Tensor, "M S"]:
        """End the recording; return the steps that were still waiting for samples."""
        half = self._settings.fft // 2
        first = torch.empty(self._settings.bands, 0)
        if not self._started:  # shorter than the reflection needs: silence behind it
            first = self.push(torch.zeros(half + 1 - self._pending.numel()))
        tail = self._pending[-half - 1 : -1].flip(0)
        self._pending = torch.cat([self._pending, tail])
        return torch.cat([first, self._take(self._steps())], 1)

    def _steps(self) -> int:
        return (self._pending.numel() - self._settings.fft) // self._settings.hop + 1

    def _take(self, steps: int) -> Tensor:
        if steps == 0:
            return torch.empty(self._settings.bands, 0)
        hop = self._settings.hop
        mel = _mel(self._pending[: (steps - 1) * hop + self._settings.fft], self._settings)
        self._pending = self._pending[steps * hop :].clone()
        return mel


def _emphasise(waveform: Tensor, mel: Mel) -> Tensor:
    return waveform[..., 1:] - mel.emphasis * waveform[..., :-1]


def _reflect(waveform: Tensor, mel: Mel) -> Tensor:
    half = mel.fft // 2
    flat = waveform.reshape(1, -1, waveform.shape[-1])
    return F.pad(flat, (half, half), mode="reflect").reshape(*waveform.shape[:-1], -1)


def _mel(padded: Tensor, mel: Mel) -> Tensor:
    window = torch.hann_window(mel.window, dtype=padded.dtype, device=padded.device)
    room = mel.fft - mel.window
    frames = padded.unfold(-1, mel.fft, mel.hop) * F.pad(window, (room // 2, room - room // 2))
    magnitude = torch.fft.rfft(frames).abs()
    filters = mel_filterbank(mel).to(magnitude)
    level = 20 * torch.log10((magnitude @ filters).clamp_min(1e-5)) - 20
    return (8 * (level + 100) / 100 - 4).clamp(-4, 4).transpose(-1, -2)


def _slaney_filterbank(mel: Mel = WAV2LIP) -> Tensor:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above; filters of equal area."""

    def to_mel(hertz: float) -> float:
        return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)

    ends = to_mel(mel.low), to_mel(mel.high)
    mels = torch.linspace(*ends, mel.bands + 2, dtype=torch.float64)
    linear, logarithmic = mels * 200 / 3, 1000 * torch.exp((mels - 15) * math.log(6.4) / 27)
    edges = torch.where(mels < 15, linear, logarithmic)
    bins = torch.linspace(0, SAMPLE_RATE / 2, mel.fft // 2 + 1, dtype=torch.float64).unsqueeze(1)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (edges[2:] - edges[:-2])).float()
