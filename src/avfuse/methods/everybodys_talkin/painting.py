"""The rendering network as it is trained: the last frame of a window, and eq. 4's own terms."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from kornia.geometry import get_rotation_matrix2d, warp_affine
from torch import Tensor, nn

from avfuse.methods.everybodys_talkin.face import Fit
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.methods.everybodys_talkin.skin import shaded
from avfuse.training.losses import mouth_map, reconstruction, total_variation
from avfuse.training.perceptual import Features, features_of

_TURN, _SCALE, _SHIFT = 6.0, 0.05, 0.03  # standard deviations: degrees, e-fold, sides


class First(NamedTuple):
    """Frames that show a person with other lips than those to be drawn.

    Attributes:
        images: RGB in [0, 1].
        landmarks: in pixels.
    """

    images: Float[Tensor, "B 3 H W"]
    landmarks: Float[Tensor, "B 68 2"]

    def nudged(self) -> "First":
        """Laid elsewhere, each by itself: in footage the head has moved since."""
        count, height, width = len(self.images), *self.images.shape[-2:]
        noise = torch.randn(4, count, device=self.images.device)
        turn, scale = _TURN * noise[0], torch.exp(_SCALE * noise[1])
        centre = self.landmarks.new_tensor([[(width - 1) / 2, (height - 1) / 2]])
        shift = _SHIFT * width * noise[2:].T
        matrix = get_rotation_matrix2d(
            centre.expand(count, 2), turn, scale[:, None].expand(count, 2)
        )
        matrix[..., 2] += shift
        images = warp_affine(self.images, matrix, (height, width), padding_mode="border")
        landmarks = self.landmarks @ matrix[..., :2].mT + matrix[:, None, :, 2]
        return First(images, landmarks)


def painted(
    method: EverybodysTalkin,
    video: Float[Tensor, "B T 3 H W"],
    fit: Fit,
    spoken: Float[Tensor, "N 68 2"],
    noise: Float[Tensor, "*#N 3 H W"],
    first: First,
) -> Float[Tensor, "B 3 H W"]:
    """Draw the last frame of each clip.

    Args:
        method: whose renderer draws.
        video: clips, RGB in [0, 1].
        fit: the face in all their frames.
        spoken: landmarks of all their frames, in pixels.
        noise: what is put over the mouths.
        first: what stands for the first frame of each one's footage.
    """
    resting = method.face.project(fit.identity, torch.zeros_like(fit.expression), fit.camera)
    images, (batch, time) = video.flatten(0, 1), video.shape[:2]
    shades = method.shades(images, resting)
    layers = method.layers(shaded(images, -shades), spoken, resting, noise)
    window = last_window(layers.view(batch, time, *layers.shape[1:]), method.history)
    last = shades.view(batch, time, 3)[:, -1]
    seen = method.unmasked(shaded(first.images, -method.shades(*first)), first.landmarks)
    return shaded(method.renderer(method.stacked(window, seen)), last)


def last_window(layers: Float[Tensor, "B T C H W"], length: int) -> Float[Tensor, "B D H W"]:
    """The window of each clip's last frame; the first frame stands for those before it."""
    lacking = max(0, length - layers.shape[1])
    before = layers[:, :1].expand(-1, lacking, -1, -1, -1)
    return torch.cat([before, layers[:, -length:]], 1).flatten(1, 2)


class RenderLoss(nn.Module):
    """L_recon, L_vgg and L_tv of eq. 4.

    Args:
        pixel: weight of the L1 distance.
        mouth: how much more pixels around the mouth count in it; the paper has none.
        perceptual: weight of the distance of features.
        variation: weight of the total variation.
        vgg: file of VGG-19's weights; None takes the features of the library's face network.
    """

    def __init__(
        self, pixel: float, mouth: float, perceptual: float, variation: float, vgg: str | None
    ) -> None:
        super().__init__()
        self.pixel, self.mouth = pixel, mouth
        self.perceptual, self.variation = perceptual, variation
        self.features: Features | None = features_of(vgg) if perceptual else None

    def forward(
        self,
        image: Float[Tensor, "N 3 H W"],
        target: Float[Tensor, "N 3 H W"],
        landmarks: Float[Tensor, "N 68 2"],
    ) -> dict[str, Tensor]:
        """The terms, weighted.

        Args:
            image: what was drawn.
            target: the truth.
            landmarks: of the truth, in pixels.
        """
        near = 1 + self.mouth * mouth_map(landmarks, *target.shape[-2:])
        terms = {
            "pixel": self.pixel * reconstruction(image, target, near),
            "variation": self.variation * total_variation(image),
        }
        if self.features is not None:
            terms["perceptual"] = self.perceptual * self.features(image, target)
        return terms
