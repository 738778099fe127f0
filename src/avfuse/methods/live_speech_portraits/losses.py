"""The losses of section 4.2, each a mean, so that weights do not depend on sizes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.methods.live_speech_portraits.critic import Judgement
from avfuse.training import losses


def predictive(
    predicted: Float[Tensor, "B S M"], mel: Float[Tensor, "B S M"], ahead: int
) -> Float[Tensor, ""]:
    """Eq. 9: how far each step's prediction is from the mel so many steps on."""
    return (mel[:, ahead:] - predicted[:, : mel.shape[1] - ahead]).abs().mean()


def displacement(
    predicted: Float[Tensor, "B T V"], true: Float[Tensor, "B T V"]
) -> Float[Tensor, ""]:
    """Eq. 10: squared distances of the points' displacements."""
    return (predicted - true).square().mean()


def critical(real: Judgement, made: Judgement) -> Float[Tensor, ""]:
    """Eq. 12, the discriminator's side of LSGAN, the mean over scales."""
    pairs = zip(real, made, strict=True)
    scales = [losses.adversarial_discriminator(r[-1], m[-1]) for r, m in pairs]
    return torch.stack(scales).mean()


def fooling(made: Judgement) -> Float[Tensor, ""]:
    """L_GAN(G) of eq. 13, likewise."""
    return torch.stack([losses.adversarial_generator(m[-1]) for m in made]).mean()


def matching(real: Judgement, made: Judgement) -> Float[Tensor, ""]:
    """Eq. 15: L1 between the features of the discriminator, the mean over layers and scales."""
    pairs = [p for r, m in zip(real, made, strict=True) for p in zip(r[:-1], m[:-1], strict=True)]
    return torch.stack([F.l1_loss(m, r.detach()) for r, m in pairs]).mean()
