"""Structural similarity: with its author's Gaussian window, and as older tables compute it."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from kornia.metrics import ssim as kornia_ssim
from torch import Tensor

from avfuse.metrics.base import Mean, comparable
from avfuse.metrics.legacy import SIDE, as_scripts_see

_WINDOW = 7  # pixels a side of the legacy window
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(
    prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, "N"]:
    """SSIM of each picture, by kornia: Gaussian window, 11 pixels, σ = 1.5, on colour.

    torchmetrics' agrees to rounding and takes several times as long.

    Source: Wang, Bovik, Sheikh, Simoncelli 2004, K1 = 0.01 and K2 = 0.03, data range 1. Averaged
    over the channels and all pixels; at the border the picture is mirrored.

    Args:
        prediction: RGB in [0, 1].
        target: the true pictures.

    Returns:
        At most 1, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    pictures = (p.contiguous() for p in comparable(prediction, target))
    return kornia_ssim(*pictures, window_size=11).mean((1, 2, 3))


def ssim_legacy(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    size: int | None = SIDE,
) -> Float[Tensor, "N"]:
    """SSIM as the field's script computes it: scikit-image's default on colour uint8 pictures.

    A uniform window of 7 x 7 pixels, sample covariance (divided by 48, not 49), data range 255,
    the border of 3 pixels left out, the mean over channels. No error, but another number than
    [`ssim`][avfuse.metrics.ssim.ssim].

    Args:
        prediction: RGB in [0, 1]; rounded to uint8.
        target: the true pictures.
        size: pixels a side to which the script resizes both first (`cv2.INTER_AREA`); None
            leaves them as they are, at least 7 x 7.

    Returns:
        At most 1, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    pair = (as_scripts_see(p, size) for p in comparable(prediction, target))
    a, b = (torch.from_numpy(p).permute(0, 3, 1, 2).double() for p in pair)
    mean_a, mean_b = _local(a), _local(b)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    covariance = sample * (_local(a * b) - mean_a * mean_b)
    variances = sample * (_local(a * a + b * b) - mean_a**2 - mean_b**2)
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    return (luminance * structure).mean((1, 2, 3)).float().to(prediction.device)


class SSIM(Mean):
    """Structural similarity, [`ssim`][avfuse.metrics.ssim.ssim].

    The mean over pictures. Unit: none, at most 1. Higher is better.
    """

    is_differentiable = True
    higher_is_better = True

    def update(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> None:
        self.add(ssim(prediction, target))


class LegacySSIM(Mean):
    """Structural similarity as in older tables, [`ssim_legacy`][avfuse.metrics.ssim.ssim_legacy].

    The mean over pictures. Unit: none, at most 1. Higher is better.

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
        self.add(ssim_legacy(prediction, target, self.size))


def _local(values: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 3 h w"]:
    """Means of every whole window."""
    return F.avg_pool2d(values, _WINDOW, stride=1)
