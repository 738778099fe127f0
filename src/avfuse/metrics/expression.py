"""E_exp and E_ldmk of "Everybody's Talkin'" (Song et al. 2020), eq. 5."""

from jaxtyping import Float
from torch import Tensor

from avfuse.metrics.base import Mean, comparable


def e_exp(prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
    """E_exp: mean over the parameters of the absolute error (the norm of a number, eq. 5).

    Args:
        prediction: expression parameters of a face model, one row a frame; the paper has 29.
        target: the true ones, of the same model.

    Returns:
        In the parameters' unit, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return (prediction - target).abs().mean(-1)


def e_ldmk(
    prediction: Float[Tensor, "N P 2"], target: Float[Tensor, "N P 2"]
) -> Float[Tensor, "N"]:
    """E_ldmk: mean distance of the landmarks, not centred (eq. 5).

    Args:
        prediction: landmarks, pixels; the paper takes the mouth's, projected from the face model.
        target: the true ones.

    Returns:
        Pixels, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    prediction, target = comparable(prediction, target)
    return (prediction - target).norm(dim=-1).mean(-1)


class EExp(Mean):
    """E_exp, [`e_exp`][avfuse.metrics.expression.e_exp].

    The mean over frames. Unit: that of the face model's parameters. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(self, prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"]) -> None:
        self.add(e_exp(prediction, target))


class ELdmk(Mean):
    """E_ldmk, [`e_ldmk`][avfuse.metrics.expression.e_ldmk].

    The mean over frames that have a face in both. Unit: pixels. Lower is better.
    """

    is_differentiable = True
    higher_is_better = False

    def update(self, prediction: Float[Tensor, "N P 2"], target: Float[Tensor, "N P 2"]) -> None:
        self.add(e_ldmk(prediction, target))
