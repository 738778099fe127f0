"""The losses of sections 3.2 and 3.3.2 that are this paper's own; every one a mean."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW


def anonymity(logits: Float[Tensor, "N K"]) -> Float[Tensor, ""]:
    """Eq. 2: the cross entropy to a speaker who could be anybody; log K at best."""
    return -logits.log_softmax(1).mean()


def expression_distance(
    predicted: Float[Tensor, "N L"], true: Float[Tensor, "N L"]
) -> Float[Tensor, ""]:
    """||ê - e||₂ of eq. 3."""
    return (predicted - true).norm(dim=1).mean()


def shape_distance(
    predicted: Float[Tensor, "N 68 2"], true: Float[Tensor, "N 68 2"], unit: Float[Tensor, "N"]
) -> Float[Tensor, ""]:
    """||l̂ - l||₂ of eq. 3, of mouth and jaw.

    Args:
        predicted: landmarks in pixels.
        true: likewise.
        unit: pixels of each face's outer eye corners apart, in which distances are told, so that
            they do not depend on how large a face is shown.
    """
    apart = (predicted - true)[:, MOUTH_AND_JAW].flatten(1)
    return (apart / unit[:, None]).norm(dim=1).mean()


def landmark_error(
    predicted: Float[Tensor, "N 68 2"], true: Float[Tensor, "N 68 2"]
) -> Float[Tensor, ""]:
    """E_ldmk (eq. 5) over mouth and jaw: the mean distance of a point, in pixels."""
    return (predicted - true)[:, MOUTH_AND_JAW].norm(dim=-1).mean()


def expression_error(
    predicted: Float[Tensor, "N L"], true: Float[Tensor, "N L"]
) -> Float[Tensor, ""]:
    """E_exp (eq. 5): the mean difference of a coefficient."""
    return (predicted - true).abs().mean()


def correlation(one: Float[Tensor, "N"], other: Float[Tensor, "N"]) -> Float[Tensor, ""]:
    """Pearson's; 0 where either is still."""
    a, b = one - one.mean(), other - other.mean()
    return (a * b).sum() / torch.clamp(a.norm() * b.norm(), min=1e-9)
