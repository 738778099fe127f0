"""The one contract behind which every way of fusing sound and image stands."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from torch import Tensor, nn

from avfuse.types import Batch, Condition, Dims, Fused, Pyramid


class Fusion(nn.Module, ABC):
    """How sound gets into the image generator.

    A strategy is two halves. `prepare` does everything that depends on the sound alone, over time,
    once a clip or chunk. `forward` is what is left for each frame: stateless and of fixed shape, so
    that it can be captured in a CUDA graph or compiled.

    Args:
        dims: what the encoders publish; widths are derived from it, never configured.

    Attributes:
        sees_lips: whether `prepare` is to know the lips that the frames show, `Condition.given`.
    """

    sees_lips: bool = False

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        if min(*dims.visual, dims.audio, dims.positions) < 1 or not dims.visual:
            raise ValueError(f"{dims}; expected a pyramid of positive widths and a positive audio")
        if dims.audio % dims.positions:
            raise ValueError(f"{dims}; expected an audio width that its positions divide")
        self.dims = dims

    def prepare(self, condition: Condition) -> Condition:
        """Audio side, (B, T, ...) in and out. The default has nothing to prepare."""
        return condition

    @abstractmethod
    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        """Frame side: fuse a folded condition (N, ...) into the pyramid, fine to coarse."""

    def losses(self, aux: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The strategy's own supervision, by name; added to the generator's losses.

        Args:
            aux: what `forward` returned for the batch both ways, folded: all frames of V1 with A2,
                then all of V2 with A1.
            batch: the pairs.
        """
        return {}


FusionFactory = Callable[[Dims], Fusion]
"""A strategy that still waits for the encoders' widths: a class, or a `functools.partial`."""
