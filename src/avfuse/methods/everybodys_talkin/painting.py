"""The rendering network as it is trained: the last frame of a window, and eq. 4's own terms."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.methods.everybodys_talkin.face import Fit
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.training.losses import mouth_map, reconstruction, total_variation
from avfuse.training.perceptual import FaceFeatures, Features, VGGFeatures


def painted(
    method: EverybodysTalkin,
    video: Float[Tensor, "B T 3 H W"],
    fit: Fit,
    spoken: Float[Tensor, "N 68 2"],
    noise: Float[Tensor, "*#N 3 H W"],
) -> Float[Tensor, "B 3 H W"]:
    """Draw the last frame of each clip.

    Args:
        method: whose renderer draws.
        video: clips, RGB in [0, 1].
        fit: the face in all their frames.
        spoken: landmarks of all their frames, in pixels.
        noise: what is put over the mouths.
    """
    resting = method.face.project(fit.identity, torch.zeros_like(fit.expression), fit.camera)
    layers = method.layers(video.flatten(0, 1), spoken, resting, noise)
    apart = layers.reshape(*video.shape[:2], *layers.shape[1:])
    return method.renderer(last_window(apart, method.history))


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
        self.features: Features | None = None
        if perceptual:
            self.features = FaceFeatures() if vgg is None else VGGFeatures(Path(vgg))

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
