"""The mouth alone: its PSNR and L1, and whether it is as sharp as the truth.

In a talking face little else changes, so a score over the whole picture mostly measures what was
copied.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from avfuse.geometry.box import MOUTH
from avfuse.metrics.base import Mean, comparable
from avfuse.metrics.psnr import CEILING


def mouth_region(
    landmarks: Float[Tensor, "N 68 2"], height: int, width: int
) -> Bool[Tensor, "N 1 H W"]:
    """The upright square of 1.7 mouth widths around each mouth, clipped to the picture.

    Args:
        landmarks: 68 points, pixels of the picture; NaN where no face was found.
        height: of the picture, pixels.
        width: likewise.

    Returns:
        True inside the square, (N, 1, height, width); nowhere where there is no face.
    """
    half = 0.85 * (landmarks[:, 54] - landmarks[:, 48]).norm(dim=-1, keepdim=True)
    centre = landmarks[:, MOUTH].mean(1)
    low, high = (centre - half).round(), (centre + half).round()
    x = torch.arange(width, device=landmarks.device)
    y = torch.arange(height, device=landmarks.device)
    columns = (x >= low[:, :1]) & (x < high[:, :1])  # a comparison with NaN is false
    rows = (y >= low[:, 1:]) & (y < high[:, 1:])
    return (rows[:, :, None] & columns[:, None, :]).unsqueeze(1)


def mouth_psnr(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    landmarks: Float[Tensor, "N 68 2"],
) -> Float[Tensor, "N"]:
    """PSNR of each picture over its [`mouth_region`][avfuse.metrics.mouth.mouth_region].

    Args:
        prediction: RGB in [0, 1].
        target: the true pictures.
        landmarks: of the target, or of the photo that both were laid onto.

    Returns:
        dB, at most 100, (N,); NaN where no mouth is in the picture.

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    error = _over_mouth((prediction - target).square(), landmarks)
    return (-10 * error.log10()).clamp_max(CEILING)


def mouth_l1(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    landmarks: Float[Tensor, "N 68 2"],
) -> Float[Tensor, "N"]:
    """Mean absolute error over the [`mouth_region`][avfuse.metrics.mouth.mouth_region].

    Args:
        prediction: RGB in [0, 1].
        target: the true pictures.
        landmarks: of the target, or of the photo that both were laid onto.

    Returns:
        Levels of 255, (N,); NaN where no mouth is in the picture.

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return 255 * _over_mouth((prediction - target).abs(), landmarks)


def sharpness(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    landmarks: Float[Tensor, "N 68 2"],
) -> Float[Tensor, ""]:
    """Gradient energy of the mouth regions over that of the truth's.

    Energy is the sum of the squared differences of neighbouring pixels, over all pictures. PSNR
    rewards blur; this is what blur costs.

    Args:
        prediction: RGB in [0, 1].
        target: the true pictures.
        landmarks: of the target, or of the photo that both were laid onto.

    Returns:
        1 is as sharp as the truth, less is blurred; NaN where no mouth is in any picture.

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    region = mouth_region(landmarks, *target.shape[-2:])
    return (gradient_energy(prediction, region) / gradient_energy(target, region)).float()


def gradient_energy(
    pictures: Float[Tensor, "N 3 H W"], region: Bool[Tensor, "N 1 H W"]
) -> Float[Tensor, ""]:
    """Sum of the squared differences of all neighbours that both lie in the region; float64."""
    across = pictures.diff(dim=-1) * (region[..., 1:] & region[..., :-1])
    down = pictures.diff(dim=-2) * (region[..., 1:, :] & region[..., :-1, :])
    return across.double().square().sum() + down.double().square().sum()


class MouthPSNR(Mean):
    """PSNR of the mouth, [`mouth_psnr`][avfuse.metrics.mouth.mouth_psnr].

    The mean over pictures that show a mouth. Unit: dB. Higher is better.
    """

    is_differentiable = True
    higher_is_better = True

    def update(
        self,
        prediction: Float[Tensor, "N 3 H W"],
        target: Float[Tensor, "N 3 H W"],
        landmarks: Float[Tensor, "N 68 2"],
    ) -> None:
        self.add(mouth_psnr(prediction, target, landmarks))


class MouthL1(Mean):
    """Absolute error of the mouth, [`mouth_l1`][avfuse.metrics.mouth.mouth_l1].

    The mean over pictures that show a mouth. Unit: levels of 255. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(
        self,
        prediction: Float[Tensor, "N 3 H W"],
        target: Float[Tensor, "N 3 H W"],
        landmarks: Float[Tensor, "N 68 2"],
    ) -> None:
        self.add(mouth_l1(prediction, target, landmarks))


class Sharpness(Metric):
    """Sharpness of the mouth, [`sharpness`][avfuse.metrics.mouth.sharpness].

    The energy of all generated pictures over that of all true ones. Unit: none, a ratio. No
    direction: 1 is as sharp as the truth, less is blurred, more is noise or ringing.
    """

    is_differentiable = True
    higher_is_better = None
    full_state_update = False
    generated: Tensor
    true: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("generated", "true"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(
        self,
        prediction: Float[Tensor, "N 3 H W"],
        target: Float[Tensor, "N 3 H W"],
        landmarks: Float[Tensor, "N 68 2"],
    ) -> None:
        prediction, target = comparable(prediction, target)
        region = mouth_region(landmarks, *target.shape[-2:])
        self.generated = self.generated + gradient_energy(prediction, region)
        self.true = self.true + gradient_energy(target, region)

    def compute(self) -> Float[Tensor, ""]:
        """The ratio over every picture so far; NaN before the first."""
        return (self.generated / self.true).float()


def _over_mouth(
    error: Float[Tensor, "N 3 H W"], landmarks: Float[Tensor, "N 68 2"]
) -> Float[Tensor, "N"]:
    """Mean of an error over the mouth region; NaN where that is empty."""
    region = mouth_region(landmarks, *error.shape[-2:])
    return (error * region).sum((1, 2, 3)) / (3 * region.sum((1, 2, 3)))
