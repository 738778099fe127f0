"""What all metrics share: two sums, so that no split of the data changes the result."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


class Mean(Metric):
    """Base of the metrics that are a mean over frames: their sum, in float64, and their number.

    Frames whose value is NaN (no face was found, say) are left out of both. With no frame at all
    the result is NaN.
    """

    is_differentiable = False
    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def add(self, values: Float[Tensor, "values"]) -> None:
        """Count values, one a frame."""
        known = values[~values.isnan()]
        self.total = self.total + known.double().sum()
        self.count = self.count + known.numel()

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every frame so far."""
        return (self.total / self.count).float()

    def train(self, mode: bool = True) -> "Mean":
        """Stay in evaluation mode: a network inside a metric measures, it does not learn."""
        return super().train(False)


def comparable(
    prediction: Float[Tensor, "..."], target: Float[Tensor, "..."]
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Both in float32, once their shapes are known to agree.

    Raises:
        ValueError: if they do not; broadcasting one over the other would give a number as well.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in "
            f"shape; give a target for every prediction"
        )
    return prediction.float(), target.float()
