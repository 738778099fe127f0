"""Peak signal-to-noise ratio: the true one, and the wrapped one that older tables print."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from avfuse.metrics.base import Mean, comparable
from avfuse.metrics.legacy import SIDE, as_scripts_see

CEILING = 100.0
"""dB that identical pictures count as. Their PSNR is infinite, and so would be every mean that
holds one such frame; 100 is also what the field's script puts there."""


def psnr(
    prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, "N"]:
    """PSNR of each picture, by torchmetrics; at most 100 dB.

    Args:
        prediction: RGB in [0, 1]; what lies outside counts as it is.
        target: the true pictures.

    Returns:
        dB, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    return peak_signal_noise_ratio(
        *comparable(prediction, target), data_range=1.0, reduction="none", dim=(1, 2, 3)
    ).clamp_max(CEILING)


def psnr_legacy_uint8(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    size: int | None = SIDE,
) -> Float[Tensor, "N"]:
    """What the field's script calls PSNR: differences and squares that wrap around at 256.

    It subtracts grey uint8 pictures and squares in uint8, so no error ever counts as more than 255
    of 65025. Pictures that have nothing in common score about 27.9 dB, and a large error can score
    higher than a small one. Never a measure of quality; only for standing beside tables that were
    made so, by the evaluation script published with ATVGnet (Chen et al. 2019).

    Args:
        prediction: RGB in [0, 1]; rounded to uint8.
        target: the true pictures.
        size: pixels a side to which the script resizes both first (`cv2.INTER_AREA`); None
            leaves them as they are.

    Returns:
        dB, (N,); 100 where nothing is left of the errors: all are multiples of 16 levels, whose
        squares wrap to 0.

    Raises:
        ValueError: if the shapes differ.
    """
    pictures = (as_scripts_see(p, size) for p in comparable(prediction, target))
    values = [_wrapped(*(_grey(p) for p in pair)) for pair in zip(*pictures, strict=True)]
    return torch.tensor(values, device=prediction.device)


class PSNR(Mean):
    """Peak signal-to-noise ratio, [`psnr`][avfuse.metrics.psnr.psnr].

    The mean over pictures of each one's PSNR, not the PSNR of the mean error. Unit: dB. Higher is
    better.
    """

    is_differentiable = True
    higher_is_better = True

    def update(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> None:
        self.add(psnr(prediction, target))


class LegacyPSNR(Mean):
    """The wrapped PSNR of older tables.

    [`psnr_legacy_uint8`][avfuse.metrics.psnr.psnr_legacy_uint8], the mean over pictures, as the
    script takes it. Unit: dB, of a quantity that is no PSNR. Higher is better in those tables, and
    means little.

    Args:
        size: pixels a side to which both pictures are resized first; None leaves them.
    """

    higher_is_better = True

    def __init__(self, size: int | None = SIDE) -> None:
        super().__init__()
        self.size = size

    def update(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> None:
        self.add(psnr_legacy_uint8(prediction, target, self.size))


def _grey(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def _wrapped(a: UInt8[np.ndarray, "h w"], b: UInt8[np.ndarray, "h w"]) -> float:
    error = float(np.mean((a - b) ** 2))  # uint8 throughout: this is the trap
    return float(20 * np.log10(255 / np.sqrt(error))) if error else CEILING
