"""The sound of a room in which nobody speaks."""

import torch
from jaxtyping import Float
from torch import Tensor


def room_noise(samples: int, level: float, seed: int = 0) -> Float[Tensor, "L"]:
    """Pink noise: as much power in every octave, as fans, streets and rooms have it.

    Args:
        samples: L, how long.
        level: root mean square in dBFS, 0 for a square wave of full scale; -inf is silence.
        seed: of the noise; the same one every time.

    Returns:
        In the range of a waveform, though above some -15 dBFS its peaks are not.
    """
    white = torch.randn(samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    spectrum = torch.fft.rfft(white)
    octaves = torch.arange(len(spectrum)).clamp_min(1).sqrt()
    pink = torch.fft.irfft(spectrum / octaves, samples)
    return (pink / pink.square().mean().sqrt() * 10 ** (level / 20)).float()
