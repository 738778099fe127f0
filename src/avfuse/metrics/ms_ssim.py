"""Structural similarity over five scales."""

from jaxtyping import Float
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from avfuse.metrics.base import Mean, comparable


def ms_ssim(
    prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
) -> Float[Tensor, "N"]:
    """MS-SSIM of each picture, by torchmetrics: five scales, Gaussian window, 11 pixels, σ = 1.5.

    Source: Wang, Simoncelli, Bovik 2003, with their exponents; negative terms count as 0.

    Args:
        prediction: RGB in [0, 1]; sides of more than 160 pixels, or the coarsest scale is smaller
            than its window.
        target: the true pictures.

    Returns:
        In [0, 1], (N,).

    Raises:
        ValueError: if the shapes differ, or a side has 160 pixels or fewer.
    """
    return multiscale_structural_similarity_index_measure(
        *comparable(prediction, target), sigma=1.5, data_range=1.0, reduction="none"
    )


class MSSSIM(Mean):
    """Structural similarity over five scales, [`ms_ssim`][avfuse.metrics.ms_ssim.ms_ssim].

    The mean over pictures. Unit: none, in [0, 1]. Higher is better.
    """

    is_differentiable = True
    higher_is_better = True

    def update(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> None:
        self.add(ms_ssim(prediction, target))
