"""Sound as programs hand it over, made into what the mel spectrogram hears."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Float, Float32, Int16
from torch import Tensor

from avfuse.errors import InputError
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.video.audio import Resampler

Pcm = (
    Float32[np.ndarray, "L"]
    | Float32[np.ndarray, "L C"]
    | Int16[np.ndarray, "L"]
    | Int16[np.ndarray, "L C"]
)
"""A piece of sound: float32 in [-1, 1] or int16, mono or one column a channel."""

_RATES = 1000, 768_000


class PcmReader:
    """Pieces of sound of any length and rate to 16 kHz mono, as `mono_blocks` reads a file.

    The rate may change from one piece to the next.

    Attributes:
        seconds: of sound that was pushed, exactly.
    """

    def __init__(self) -> None:
        self.seconds = Fraction(0)
        self._rate = SAMPLE_RATE
        self._resampler: Resampler | None = None

    def push(self, pcm: Pcm, rate: int) -> Iterator[Float[Tensor, "L"]]:
        """What a piece completes, at 16 kHz.

        Raises:
            InputError: the piece is no sound, or its rate is none.
        """
        mono = _mono(pcm)
        if not _RATES[0] <= rate <= _RATES[1]:
            raise InputError(f"{rate} samples a second; expected {_RATES[0]} to {_RATES[1]}")
        self.seconds += Fraction(len(mono), rate)
        if rate != self._rate:
            yield from self.flush()
            self._rate = rate
            self._resampler = None if rate == SAMPLE_RATE else Resampler(rate, SAMPLE_RATE, 1)
        if self._resampler is None:
            yield torch.from_numpy(mono.copy())
        elif len(mono):
            for block in self._resampler.push(mono[None]):
                yield torch.from_numpy(block[0].copy())

    def flush(self) -> Iterator[Float[Tensor, "L"]]:
        """What the resampler still holds."""
        if self._resampler is not None:
            for block in self._resampler.flush():
                yield torch.from_numpy(block[0].copy())


def _mono(pcm: Pcm) -> Float32[np.ndarray, "L"]:
    if pcm.dtype not in (np.float32, np.int16) or pcm.ndim not in (1, 2) or 0 in pcm.shape[1:]:
        raise InputError(
            f"sound of type {pcm.dtype} and shape {pcm.shape}; expected float32 in [-1, 1] or "
            f"int16, (samples,) or (samples, channels)"
        )
    # As FFmpeg does it, so that a file and its samples are heard alike.
    samples = pcm if pcm.dtype == np.float32 else pcm.astype(np.float32) / np.float32(32768)
    if not np.isfinite(samples).all():
        raise InputError("the sound has samples that are not finite; give float32 in [-1, 1]")
    return samples if samples.ndim == 1 else samples.mean(1)
