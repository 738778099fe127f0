"""The non-linear composition module (section 4.3, Fig. 6): features denormalised side by side.

What the frame shows is decoded from e_y. In every layer three pictures say how: the landmarks that
are to be, by weights θ that the references have made, and the projected and the matched picture, by
weights that stay.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.dynamic_conv import DynamicConv2d
from avfuse.methods.rhythmic_head_motion.embedding import Embedded
from avfuse.methods.rhythmic_head_motion.flow import FlowNetwork, Guide, Warped
from avfuse.types import Kernel

_RANK = 64
"""Of the perceptron that makes θ: values between its two layers."""


class Theta(NamedTuple):
    """θ_S, θ_γ and θ_β of an adaptive layer."""

    encode: Kernel
    scale: Kernel
    shift: Kernel


class Composed(NamedTuple):
    """A frame, and what it was made of.

    Attributes:
        image: ŷ, RGB in [0, 1].
        warped: the guides.
    """

    image: Float[Tensor, "N 3 H W"]
    warped: tuple[Warped, ...]


class Adaptive(nn.Module):
    """E_FP (eq. 7) of one layer, and the 1×1 convolutions that it makes the weights of.

    Args:
        channels: of the layer.
        width: D, of a code.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.encode, self.scale, self.shift = (
            DynamicConv2d(channels, channels, 1, features=width, rank=min(_RANK, width))
            for _ in range(3)
        )

    def weights(self, code: Float[Tensor, "N D"]) -> Theta:
        """θ of frames."""
        return Theta(*(layer.kernels(code) for layer in (self.encode, self.scale, self.shift)))

    def encoded(self, x: Float[Tensor, "N C h w"], theta: Theta) -> Float[Tensor, "N C h w"]:
        """φ_l of the layer: landmarks, by the weights θ_S."""
        return F.leaky_relu(x + self.encode.convolve(x, theta.encode), 0.2)

    def forward(
        self, x: Float[Tensor, "N C h w"], guide: Float[Tensor, "N C h w"], theta: Theta
    ) -> Float[Tensor, "N C h w"]:
        """The green box of Fig. 6: SPADE by the weights θ_γ and θ_β."""
        scale = self.scale.convolve(guide, theta.scale)
        return x * (1 + scale) + self.shift.convolve(guide, theta.shift)


class Spade(nn.Module):
    """Scale and bias of every place, by a picture's features and weights that stay (Park et al.).

    Args:
        channels: of the features, and of the picture's.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.both = nn.Conv2d(channels, 2 * channels, 3, 1, 1)

    def forward(
        self, x: Float[Tensor, "N C h w"], guide: Float[Tensor, "N C h w"]
    ) -> Float[Tensor, "N C h w"]:
        scale, shift = self.both(guide).chunk(2, 1)
        return x * (1 + scale) + shift


class Decoder(nn.Module):
    """G: N layers from e_y to a picture, each guided by landmarks and by pictures.

    Args:
        channels: of the layers, fine to coarse, each half as large.
        width: D, of a code.
        layers: how many of them, from the finest, are adaptive.
        guides: pictures.
    """

    def __init__(self, channels: Sequence[int], width: int, layers: int, guides: int) -> None:
        super().__init__()
        self.trace = _pyramid(1, channels)
        self.adaptive = nn.ModuleList(Adaptive(c, width) for c in channels[:layers])
        self.fixed = nn.ModuleList(Spade(c) for c in channels[layers:])
        self.see = nn.ModuleList(_pyramid(4, channels) for _ in range(guides))
        self.spade = nn.ModuleList(nn.ModuleList(map(Spade, channels)) for _ in range(guides))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 4, 2, 1) for fine, coarse in pairwise(channels)
        )
        self.colour = nn.Conv2d(channels[0], 3, 3, 1, 1)

    def weights(self, codes: Float[Tensor, "N A D"]) -> tuple[Theta, ...]:
        """θ of every adaptive layer."""
        pairs = zip(self.adaptive, codes.unbind(1), strict=True)
        return tuple(layer.weights(code) for layer, code in pairs)  # type: ignore[operator]

    def forward(
        self,
        appearance: Float[Tensor, "N C h w"],
        thetas: tuple[Theta, ...],
        marks: Float[Tensor, "N 1 H W"],
        guides: Sequence[Float[Tensor, "N 4 H W"]] = (),
    ) -> Float[Tensor, "N 3 H W"]:
        """Draw frames, RGB in [0, 1]."""
        traced = self._traced(marks, thetas)
        seen = [_levels(net, guide) for net, guide in zip(self.see, guides, strict=True)]
        x = appearance
        for level in reversed(range(len(traced))):
            y = F.instance_norm(x)
            total = self._by_marks(level, y, traced[level], thetas)
            for spades, features in zip(self.spade, seen, strict=True):
                total = total + spades[level](y, features[level])  # type: ignore[index]
            x = F.leaky_relu(total, 0.2)
            x = self.up[level - 1](x) if level else x
        return (self.colour(x).tanh() + 1) / 2

    def _traced(self, marks: Tensor, thetas: tuple[Theta, ...]) -> list[Tensor]:
        """φ_l, fine to coarse; the finer ones by θ_S."""
        found, x = [], marks
        for level, layer in enumerate(self.trace):
            x = layer(x)
            if level < len(thetas):
                x = self.adaptive[level].encoded(x, thetas[level])  # type: ignore[operator]
            found.append(x)
        return found

    def _by_marks(self, level: int, x: Tensor, traced: Tensor, thetas: tuple[Theta, ...]) -> Tensor:
        if level < len(thetas):
            return self.adaptive[level](x, traced, thetas[level])
        return self.fixed[level - len(thetas)](x, traced)


class Composition(nn.Module):
    """Guides moved to where they are to be, and a frame made of them.

    Args:
        channels: of the decoder, fine to coarse.
        width: D, of a code.
        layers: adaptive layers.
        guides: pictures: the projected and the matched one, or the matched one alone.
        residuals: blocks of a flow network.
    """

    shown: bool = True
    """Whether the decoder sees the guides."""

    def __init__(
        self, channels: Sequence[int], width: int, layers: int, guides: int, residuals: int
    ) -> None:
        super().__init__()
        self.move = nn.ModuleList(FlowNetwork(channels[0], residuals) for _ in range(guides))
        self.decode = Decoder(channels, width, layers, guides if self.shown else 0)

    def weights(self, embedded: Embedded) -> tuple[Theta, ...]:
        """θ of frames, by what they take from the references."""
        return self.decode.weights(embedded.codes)

    def warped(
        self, guides: Sequence[Guide], marks: Float[Tensor, "N 1 H W"]
    ) -> tuple[Warped, ...]:
        """The guides, each by its own flow network."""
        return tuple(move(guide, marks) for move, guide in zip(self.move, guides, strict=True))

    def forward(
        self,
        appearance: Float[Tensor, "N C h w"],
        thetas: tuple[Theta, ...],
        marks: Float[Tensor, "N 1 H W"],
        guides: Sequence[Guide],
    ) -> Composed:
        """Draw frames.

        Args:
            appearance: e_y.
            thetas: as of `weights`.
            marks: landmarks that are to be, drawn.
            guides: pictures that they may be made of.
        """
        raise NotImplementedError


class NonLinear(Composition):
    """The paper's: the decoder sees the guides, and what it draws is the frame."""

    def forward(
        self,
        appearance: Float[Tensor, "N C h w"],
        thetas: tuple[Theta, ...],
        marks: Float[Tensor, "N 1 H W"],
        guides: Sequence[Guide],
    ) -> Composed:
        warped = self.warped(guides, marks)
        seen = [torch.cat([(w.image * 2 - 1) * w.attention, w.attention], 1) for w in warped]
        return Composed(self.decode(appearance, thetas, marks, seen), warped)


class Matting(Composition):
    """The ablation: the decoder sees landmarks alone, and guides are laid over what it draws."""

    shown = False

    def forward(
        self,
        appearance: Float[Tensor, "N C h w"],
        thetas: tuple[Theta, ...],
        marks: Float[Tensor, "N 1 H W"],
        guides: Sequence[Guide],
    ) -> Composed:
        warped, image = self.warped(guides, marks), self.decode(appearance, thetas, marks)
        for layer in reversed(warped):  # the projected face uppermost
            image = torch.lerp(image, layer.image, layer.attention)
        return Composed(image, warped)


COMPOSITIONS: Mapping[str, type[Composition]] = {"nonlinear": NonLinear, "matting": Matting}
"""By the method's option."""


def _pyramid(inputs: int, channels: Sequence[int]) -> nn.ModuleList:
    """Convolutions of levels, all but the first of which halve the size."""
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(a, b, 3, 2 if number else 1, 1), nn.LeakyReLU(0.2))
        for number, (a, b) in enumerate(pairwise((inputs, *channels)))
    )


def _levels(network: nn.Module, x: Float[Tensor, "N C H W"]) -> list[Tensor]:
    found = []
    for layer in network.children():
        x = layer(x)
        found.append(x)
    return found
