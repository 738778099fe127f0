"""Cepstra of a mel spectrogram that is there already: the shape of a spectrum in a few numbers."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.sound.mel import MELS


def cepstra(
    mel: Float[Tensor, "... 80 S"], count: int, first: int = 0
) -> Float[Tensor, "... S count"]:
    """Mel-frequency cepstral coefficients of log-mel windows: their orthonormal DCT-II.

    Args:
        mel: as of [`mel_spectrogram`][avfuse.mel_spectrogram].
        count: coefficients a step.
        first: of them; 0 says how loud a step is, and only that one is not 0 in silence.
    """
    return mel.mT @ _cosines(first, count).to(mel)


@functools.cache
@torch.inference_mode(False)  # or the first caller's mode would bar every later one from gradients
def _cosines(first: int, count: int) -> Float[Tensor, "80 count"]:
    n = torch.arange(MELS, dtype=torch.float64).unsqueeze(1) + 0.5
    k = torch.arange(first, first + count)
    length = torch.where(k == 0, math.sqrt(1 / MELS), math.sqrt(2 / MELS))
    return (length * torch.cos(math.pi / MELS * k * n)).float()
