"""ATVGnet's losses, as plain functions; means, so that weights do not depend on sizes."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.box import MOUTH


def dynamic_pixel(
    output: Float[Tensor, "*shape 3 H W"],
    target: Float[Tensor, "*shape 3 H W"],
    mask: Float[Tensor, "*shape 1 H W"],
    *,
    attention: float = 1.0,
    base: float = 0.5,
) -> Float[Tensor, ""]:
    """The attention-based dynamic pixel-wise loss (eq. 9): L1 where the network looks.

    No gradient reaches the mask: it would close.

    Args:
        output: v̂.
        target: v.
        mask: α.
        attention: how much the mask counts; 0 for the fixed loss of the paper's w/o DAL.
        base: β, what every pixel counts.
    """
    return ((output - target).abs() * (attention * mask.detach() + base)).mean()


def adversarial_generator(fake: Float[Tensor, "B"]) -> Float[Tensor, ""]:
    """The generator's side of eq. 12: D_s, before its sigmoid, should say that fakes are real.

    As usual log D is raised, rather than log(1 - D) lowered, which hardly has a gradient where the
    discriminator is sure.
    """
    return F.softplus(-fake).mean()


def adversarial_discriminator(
    real: Float[Tensor, "B"], fake: Float[Tensor, "B"]
) -> Float[Tensor, ""]:
    """The discriminator's side of eq. 12, to be minimised: -log D(real) - log(1 - D(fake))."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def landmark_regression(
    found: Float[Tensor, "*shape 68 2"],
    true: Float[Tensor, "*shape 68 2"],
    *,
    unit: float,
    mouth: float = 100.0,
) -> Float[Tensor, ""]:
    """The squared error of D_p's landmarks, weighted by M_p (the last two lines of eq. 12).

    Args:
        found: by D_p, in pixels.
        true: likewise.
        unit: pixels in which the error is measured; half a crop makes coordinates -1 to 1.
        mouth: weight of the mouth's squared errors, M_p² there; all others have 1.
    """
    weight = torch.ones_like(true[..., :1])
    weight[..., MOUTH, :] = mouth
    return (((found - true) / unit).square() * weight).mean()
