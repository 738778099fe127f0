"""Fréchet distance between the features of generated and of true pictures."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance


def frechet_distance(
    prediction: Float[Tensor, "N D"], target: Float[Tensor, "M D"]
) -> Float[Tensor, ""]:
    """Squared Fréchet distance of two Gaussians, each fitted to a set of features.

    |μ1 - μ2|² + tr(Σ1 + Σ2 - 2 (Σ1 Σ2)^½), by torchmetrics, in float64 (Heusel et al. 2017).

    Args:
        prediction: features of generated pictures, at least 2; far more than D, or Σ is singular.
        target: features of true ones; need not be as many.

    Returns:
        In the features' squared unit.
    """
    features = _Given(prediction.shape[1])
    distance = FrechetInceptionDistance(features, normalize=True).to(prediction.device)
    distance.update(prediction, real=False)
    distance.update(target, real=True)
    return distance.compute()


class FID(FrechetInceptionDistance):
    """Fréchet distance, [`frechet_distance`][avfuse.metrics.fid.frechet_distance].

    Over all pictures so far: the sums of features and of their outer products, in float64, are all
    that is kept. Unit: the features' squared. Lower is better. Values depend on the features and on
    the number of pictures: name both beside them. Needs at least two pictures of each kind.

    Args:
        features: maps pictures (N, 3, H, W), RGB in [0, 1], to (N, D); D is read from its
            `num_features`. Such as
            [`InceptionFeatures`][avfuse.metrics.inception.InceptionFeatures].
    """

    higher_is_better = False

    def __init__(self, features: nn.Module) -> None:
        super().__init__(feature=features, normalize=True)
        self.orig_dtype = torch.float32  # of the result; its own is set by the first update only
        self.eval()

    def update(  # type: ignore[override]  # theirs takes one kind at a time
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "M 3 H W"]
    ) -> None:
        super().update(prediction, real=False)
        super().update(target, real=True)

    def train(self, mode: bool = True) -> "FID":
        """Stay in evaluation mode: the features measure, they do not learn."""
        return super().train(False)


class _Given(nn.Module):
    """Features that were made elsewhere."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        return features
