"""The hybrid embedding module (section 4.2, Fig. 4): K references as one, eq. 3 to 7.

What depends on the references alone is made once a person; what depends on the frame that is to be,
once a frame.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class References(NamedTuple):
    """K references as they are kept, features at a quarter of their size.

    Attributes:
        keys: E_A of their landmarks.
        image: q'_y, the refined features of their pictures.
        image_gate: ConvGate of them, over all K.
        marks: q'_l, likewise of their landmarks.
        marks_gate: likewise.
    """

    keys: Float[Tensor, "B K C h w"]
    image: Float[Tensor, "B K C h w"]
    image_gate: Float[Tensor, "B C h w"]
    marks: Float[Tensor, "B K C h w"]
    marks_gate: Float[Tensor, "B C h w"]


class Embedded(NamedTuple):
    """What a frame that is to be takes from the references.

    Attributes:
        appearance: e_y, the coarsest features of the decoder.
        codes: of each adaptive layer, what its weights θ are made of.
    """

    appearance: Float[Tensor, "N C h w"]
    codes: Float[Tensor, "N A D"]


class ConvGate(nn.Module):
    """Features of K references gathered by themselves: each place takes from whom it finds best.

    Args:
        channels: of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Conv2d(channels, channels, 3, 1, 1)
        self.value = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, q: Float[Tensor, "B K C h w"]) -> Float[Tensor, "B C h w"]:
        gate, value = (_each(layer, q) for layer in (self.gate, self.value))
        return (gate.softmax(1) * value).sum(1)


class Exchange(nn.Module):
    """Features refined by those of the other modality (the information exchange block).

    Args:
        channels: of both.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Conv2d(2 * channels, channels, 3, 1, 1), nn.LeakyReLU(0.2))
        self.bottleneck = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.LeakyReLU(0.2))

    def forward(
        self, q: Float[Tensor, "B K C h w"], other: Float[Tensor, "B K C h w"]
    ) -> Float[Tensor, "B K C h w"]:
        hybrid = _each(self.mix, torch.cat([q, other], 2))
        return _each(self.bottleneck, torch.cat([hybrid, q], 2))


class Fusion(nn.Module):
    """E_F up to its perceptron (eq. 7): softmax(E_FL(e_l)) ⊙ E_FI(e_y), summed over places.

    Args:
        channels: of e_y and e_l.
        width: D, of a code.
        layers: adaptive layers, a code each.
    """

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = (channels, *[width] * layers)
        self.image, self.marks = (
            nn.ModuleList(_convolution(a, b, 1) for a, b in pairwise(sizes)) for _ in range(2)
        )

    def forward(
        self, image: Float[Tensor, "N C h w"], marks: Float[Tensor, "N C h w"]
    ) -> Float[Tensor, "N A D"]:
        codes = []
        for see, trace in zip(self.image, self.marks, strict=True):
            image, marks = see(image), trace(marks)
            codes.append((marks.flatten(2).softmax(2) * image.flatten(2)).sum(2))
        return torch.stack(codes, 1)


class Embedding(nn.Module):
    """What both embeddings have: encoders, and what follows when K references are one.

    Args:
        channels: of the levels, fine to coarse, each half as large; the third is the references'.
        width: D, of a code.
        layers: adaptive layers.
    """

    def __init__(self, channels: Sequence[int], width: int, layers: int) -> None:
        super().__init__()
        first, second = channels[1], channels[2]
        self.see, self.trace = (
            nn.Sequential(_convolution(inputs, first, 2), _convolution(first, second, 2))
            for inputs in (3, 1)
        )
        self.image, self.marks = (
            nn.Sequential(*(_convolution(a, b, 2) for a, b in pairwise(channels[2:])))
            for _ in range(2)
        )
        self.fuse = Fusion(channels[-1], width, layers)

    def meet(
        self, images: Float[Tensor, "B K 3 H W"], marks: Float[Tensor, "B K 1 H W"]
    ) -> References:
        """Encode references.

        Args:
            images: RGB in [0, 1].
            marks: their landmarks, drawn.
        """
        raise NotImplementedError

    def gathered(
        self, references: References, marks: Float[Tensor, "B T 1 H W"]
    ) -> tuple[Float[Tensor, "N C h w"], Float[Tensor, "N C h w"]]:
        """q_y and q_l of frames: K references as one."""
        raise NotImplementedError

    def forward(self, references: References, marks: Float[Tensor, "B T 1 H W"]) -> Embedded:
        """What frames take from references, time folded.

        Args:
            references: as of `meet`.
            marks: landmarks that are to be, drawn.
        """
        image, landmarks = self.gathered(references, marks)
        appearance = self.image(image)
        return Embedded(appearance, self.fuse(appearance, self.marks(landmarks)))


class Hybrid(Embedding):
    """The paper's: references are gathered by how like their landmarks are, place by place.

    Args: as of `Embedding`.
    """

    def __init__(self, channels: Sequence[int], width: int, layers: int) -> None:
        super().__init__(channels, width, layers)
        first, second = channels[1], channels[2]
        self.activate = nn.Sequential(
            _convolution(1, first, 2), _convolution(first, second, 2), nn.Conv2d(second, second, 1)
        )
        self.exchange = nn.ModuleList(Exchange(second) for _ in range(2))
        self.gate = nn.ModuleList(ConvGate(second) for _ in range(2))

    def meet(
        self, images: Float[Tensor, "B K 3 H W"], marks: Float[Tensor, "B K 1 H W"]
    ) -> References:
        seen, traced = _each(self.see, images * 2 - 1), _each(self.trace, marks)
        return References(
            _each(self.activate, marks),
            self.exchange[0](seen, traced),
            self.gate[0](seen),
            self.exchange[1](traced, seen),
            self.gate[1](traced),
        )

    def gathered(
        self, references: References, marks: Float[Tensor, "B T 1 H W"]
    ) -> tuple[Float[Tensor, "N C h w"], Float[Tensor, "N C h w"]]:
        """Eq. 3 and 6; frame by frame, or K times their features would lie in memory."""
        keys, image, image_gate, traced, marks_gate = references
        found = []
        for query in _each(self.activate, marks).unbind(1):
            alpha = (keys * query[:, None]).softmax(1)
            found.append(
                ((alpha * image).sum(1) + image_gate, (alpha * traced).sum(1) + marks_gate)
            )
        y, landmarks = (torch.stack(part, 1).flatten(0, 1) for part in zip(*found, strict=True))
        return y, landmarks


class Average(Embedding):
    """The ablation: the mean of K references' features, whatever the frame that is to be."""

    def meet(
        self, images: Float[Tensor, "B K 3 H W"], marks: Float[Tensor, "B K 1 H W"]
    ) -> References:
        seen, traced = _each(self.see, images * 2 - 1), _each(self.trace, marks)
        nothing = seen[:, :, :0]
        return References(nothing, nothing, seen.mean(1), nothing, traced.mean(1))

    def gathered(
        self, references: References, marks: Float[Tensor, "B T 1 H W"]
    ) -> tuple[Float[Tensor, "N C h w"], Float[Tensor, "N C h w"]]:
        count = marks.shape[1]
        one, other = (
            gate.repeat_interleave(count, 0)
            for gate in (references.image_gate, references.marks_gate)
        )
        return one, other


EMBEDDINGS: Mapping[str, type[Embedding]] = {"hybrid": Hybrid, "average": Average}
"""By the method's option."""


def _each(
    layer: Callable[[Tensor], Tensor], x: Float[Tensor, "B K C H W"]
) -> Float[Tensor, "B K D h w"]:
    """Pictures of clips through a layer that knows pictures only."""
    y = layer(x.flatten(0, 1))
    return y.view(*x.shape[:2], *y.shape[1:])


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.2))
