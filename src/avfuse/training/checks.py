"""Quick scores of held-back pairs."""

from jaxtyping import Float
from torch import Tensor

from avfuse.training import losses


def mouth_checks(
    image: Float[Tensor, "N 3 H W"],
    source: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    landmarks: Float[Tensor, "N 68 2"],
    patch: int,
) -> dict[str, Tensor]:
    """How near a generated mouth is to the true one, and how sharp.

    Args:
        image: what was generated.
        source: what it was made from.
        target: the truth.
        landmarks: of the target, in pixels.
        patch: pixels a side at which sharpness is compared.

    Returns:
        `mouth_psnr` in dB, `gain` in dB over the source, and `sharpness`, 1 for the truth's.
    """
    near = losses.mouth_map(landmarks, *target.shape[-2:])

    def decibels(picture: Tensor) -> Tensor:
        error = ((picture - target).square() * near).sum((1, 2, 3)) / near.sum((1, 2, 3)) / 3
        return -10 * error.clamp_min(1e-10).log10().mean()

    def energy(picture: Tensor) -> Tensor:
        mouth = losses.mouth_patch(picture, landmarks, patch)
        across, down = mouth.diff(dim=-1).square(), mouth.diff(dim=-2).square()
        return across.mean((1, 2, 3)) + down.mean((1, 2, 3))

    return {
        "mouth_psnr": decibels(image),
        "gain": decibels(image) - decibels(source),
        "sharpness": (energy(image) / energy(target).clamp_min(1e-10)).mean(),
    }
