"""Θ, the 3-D-aware generative network (Fig. 2): from landmarks and references to frames."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.methods.rhythmic_head_motion.composition import COMPOSITIONS, Composed, Theta
from avfuse.methods.rhythmic_head_motion.embedding import EMBEDDINGS, References
from avfuse.methods.rhythmic_head_motion.flow import Guide

EmbeddingName = Literal["hybrid", "average"]
"""How K references become one (Fig. 10a)."""

CompositionName = Literal["nonlinear", "matting"]
"""How a frame is made of guides (Fig. 10a)."""


class Given(NamedTuple):
    """What each frame is drawn from.

    Attributes:
        appearance: e_y.
        thetas: weights of the adaptive layers.
        marks: landmarks that are to be, drawn.
        guides: the projected and the matched picture, or the latter alone.
    """

    appearance: Float[Tensor, "N C h w"]
    thetas: tuple[Theta, ...]
    marks: Float[Tensor, "N 1 H W"]
    guides: tuple[Guide, ...]


class Generator(nn.Module):
    """Hybrid embedding and non-linear composition.

    Args:
        channels: of the levels, fine to coarse, each half as large.
        width: D, of what an adaptive layer's weights are made of.
        adaptive: layers, from the finest, whose weights the references make.
        guides: 2, or 1 without the 3-D-aware module.
        residuals: blocks of a flow network.
        embedding: how K references become one.
        composition: how a frame is made of guides.
    """

    def __init__(
        self,
        channels: Sequence[int],
        width: int,
        adaptive: int,
        guides: int,
        residuals: int,
        embedding: EmbeddingName,
        composition: CompositionName,
    ) -> None:
        super().__init__()
        self.embed = EMBEDDINGS[embedding](channels, width, adaptive)
        self.compose = COMPOSITIONS[composition](channels, width, adaptive, guides, residuals)

    def meet(
        self, images: Float[Tensor, "B K 3 H W"], marks: Float[Tensor, "B K 1 H W"]
    ) -> References:
        """Encode references: pictures in [0, 1] and their landmarks, drawn."""
        return self.embed.meet(images, marks)

    def given(
        self,
        references: References,
        marks: Float[Tensor, "B T 1 H W"],
        guides: tuple[Guide, ...],
    ) -> Given:
        """What frames are drawn from, time folded; the guides' is already."""
        embedded = self.embed(references, marks)
        thetas = self.compose.weights(embedded)
        return Given(embedded.appearance, thetas, marks.flatten(0, 1), guides)

    def forward(self, given: Given) -> Composed:
        """Draw frames."""
        return self.compose(*given)
