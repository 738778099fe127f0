"""What strategies share that go by the lips' shape: it lies between sound and an inner strategy."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.fusion.base import Fusion, FusionFactory
from avfuse.types import LIP_UNIT, Batch, Condition, Dims, Fused, Pyramid

POINTS = 20
"""Of the mouth, iBUG 48 to 67."""


class OverLips(Fusion):
    """Sound becomes lip shapes, as of `Batch.lips1`, and those are what an inner strategy hears.

    What is predicted learns from lip shapes only, by `losses`.

    Args:
        dims: what the encoders publish.
        inner: the strategy of the image's side; like `fusion` itself it has no default.
        width: of the feature that stands for the lips in the audio feature's place.
    """

    def __init__(self, dims: Dims, inner: FusionFactory, width: int) -> None:
        super().__init__(dims)
        self.inner = inner(Dims(dims.visual, width))
        self.sees_lips = self.inner.sees_lips

    @abstractmethod
    def predict(self, audio: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 20 2"]:
        """Audio features to lip shapes, in units of typical lip motion."""

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        fused: Fused = self.inner(features, condition)
        return fused._replace(aux={**fused.aux, "landmarks": cast(Tensor, condition.landmarks)})

    def losses(self, aux: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """Squared error of the landmarks, in units of typical lip motion; then the inner's own."""
        target = torch.cat([batch.lips2, batch.lips1]).flatten(0, 1)
        error = F.mse_loss(aux["landmarks"].float() / LIP_UNIT, target / LIP_UNIT)
        return {**self.inner.losses(aux, batch), "landmarks": error}
