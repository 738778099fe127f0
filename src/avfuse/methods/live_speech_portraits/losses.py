"""The losses of motion (section 4.2), each a mean, so that weights do not depend on sizes.

Those of pictures (eq. 12, 13 and 15) are [`avfuse.training.multi_scale`][]'s.
"""

from jaxtyping import Float
from torch import Tensor


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
