"""The values that flow between the rooms, and the one legend of shape letters.

| letter | meaning                      | letter | meaning                       |
|--------|------------------------------|--------|-------------------------------|
| B      | batch (clips)                | D      | width of an audio feature     |
| T      | frames of a clip             | S      | mel steps (80 a second)       |
| N      | frames, time folded: B·T     | P      | landmarks (68, iBUG order)    |
| C      | channels                     | K      | reference frames              |
| H W    | height, width in pixels      | L      | audio samples (16 kHz, mono)  |
| M      | mel bands                    | s      | pixels a side of a crop       |

Images are RGB float in [0, 1] inside networks and uint8 RGB outside. Coordinates are pixels, x
before y. Time is seconds.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from jaxtyping import Float, Float32, UInt8
from torch import Tensor

LIP_UNIT = 0.02
"""Typical lip motion in units of the distance from eyes to mouth; makes losses on it O(1)."""

Nest = Tensor | None | tuple[Any, ...]
"""Tensors in (named) tuples in tuples: what a method's condition, person and state are."""

Pyramid = tuple[Float[Tensor, "N _ _ _"], ...]
"""Features of N frames, fine to coarse; every level has a C, H and W of its own."""


class Dims(NamedTuple):
    """What the encoders publish and every fusion strategy derives its widths from.

    Attributes:
        visual: channels of the feature pyramid, fine to coarse; the last one is the bottleneck.
        audio: width D of one frame's audio feature.
        positions: places in time that the audio feature is made of: it is (channels, positions),
            flattened.
    """

    visual: tuple[int, ...]
    audio: int
    positions: int = 1


class Kernel(NamedTuple):
    """The dynamic kernels of one layer, one a sample (or one a frame, with time in front).

    Attributes:
        weight: (..., C_out, C_in / groups, kH, kW).
        bias: (..., C_out), or None.
    """

    weight: Float[Tensor, "... O I kH kW"]
    bias: Float[Tensor, "... O"] | None = None


class Condition(NamedTuple):
    """Everything that drives the mouth. Time is explicit until it is folded into the batch.

    Attributes:
        audio: audio features, (B, T, D), or the code that a strategy makes of them.
        kernels: what [`DynamicKernel`][avfuse.DynamicKernel] prepares, one entry a dynamic layer.
        landmarks: lip shapes as in `Batch`, (B, T, 20, 2): what strategies predict on the way;
            in training, before `prepare`, the true ones.
        given: lips as the frames show them before they speak, as of
            [`seen_lips`][avfuse.geometry.lips.seen_lips], (B, T, 20, 2): what strategies that know
            them take into account in `prepare`. None where nobody looked.
    """

    audio: Float[Tensor, "B T D"]
    kernels: tuple[Kernel, ...] = ()
    landmarks: Float[Tensor, "B T 20 2"] | None = None
    given: Float[Tensor, "B T 20 2"] | None = None

    def fold(self) -> "Condition":
        """Fold time into the batch: every (B, T, ...) becomes (N, ...) with N = B·T."""
        kernels = (
            Kernel(k.weight.flatten(0, 1), None if k.bias is None else k.bias.flatten(0, 1))
            for k in self.kernels
        )
        lips = (None if x is None else x.flatten(0, 1) for x in (self.landmarks, self.given))
        return Condition(self.audio.flatten(0, 1), tuple(kernels), *lips)


class Fused(NamedTuple):
    """What a strategy hands to the decoder.

    Attributes:
        features: the pyramid, fine to coarse, with sound in it; shapes as the encoder gave them.
        aux: named extra outputs for the strategy's own losses.
    """

    features: Pyramid
    aux: dict[str, Tensor]


class Framing(NamedTuple):
    """Where a method looks, in sides of the library's square around a face; (0, 0, 1, 1) is that.

    The square reaches from half the distance between eyes and mouth above the eyes to twice that
    distance below them (see [`box_from_points`][avfuse.geometry.box.box_from_points]). What is
    framed is scaled to a square of the method's size, whatever its aspect.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


SQUARE = Framing()
"""The library's own square."""


class Seen(NamedTuple):
    """Crops as they were cut, on the CPU; a method moves what it needs.

    Attributes:
        images: RGB; black where no face is.
        landmarks: in pixels of the crop; NaN where no face is. None where a method asks for none.
    """

    images: UInt8[Tensor, "T s s 3"]
    landmarks: Float[Tensor, "T 68 2"] | None = None

    def part(self, frames: slice) -> "Seen":
        """Some of the frames."""
        points = None if self.landmarks is None else self.landmarks[frames]
        return Seen(self.images[frames], points)


class Drawn(NamedTuple):
    """What a network draws of frames, before eq. 7: I' = I·(1-α) + M·α.

    Attributes:
        colour: with a flow, what M adds to the warped input, in [-1, 1]; without one, M itself.
        mask: attention mask α in [0, 1]; None is 1 everywhere: the picture is M.
        flow: where each pixel of M comes from, relative to itself, in pixels, x before y.
        aux: named extra outputs, for the method's own losses.
    """

    colour: Float[Tensor, "N 3 H W"]
    mask: Float[Tensor, "N 1 H W"] | None = None
    flow: Float[Tensor, "N 2 H W"] | None = None
    aux: Mapping[str, Tensor] = MappingProxyType({})


class Planes(NamedTuple):
    """The same of frames, or of one, as it is pasted: on the CPU, channels last, in levels of 255.

    Attributes:
        colour: with a flow, what M adds to the warped crop; without one, M itself. Not in whole
            levels, since it is scaled to the frame before anything is rounded.
        mask: attention mask α in [0, 1]; None is 1 everywhere.
        flow: where each pixel of M comes from, relative to itself, in pixels of the crop.
    """

    colour: Float32[Tensor, "*N H W 3"]
    mask: Float32[Tensor, "*N H W"] | None = None
    flow: Float32[Tensor, "*N H W 2"] | None = None

    def each(self) -> Iterator["Planes"]:
        """Those of every frame by itself."""
        for number, colour in enumerate(self.colour):
            mask, flow = (None if plane is None else plane[number] for plane in self[1:])
            yield Planes(colour, mask, flow)


class Generated(NamedTuple):
    """One generated frame and what it was made of.

    Attributes:
        image: I' = I·(1-α) + M·α (eq. 7), (N, 3, H, W); M itself where blending is off.
        mask: attention mask α in [0, 1], (N, 1, H, W); 1 where blending is off.
        motion: motion image M, (N, 3, H, W); not clipped to [0, 1], since clipping would stop
            gradients.
        flow: where each pixel of M comes from, relative to itself, in pixels, (N, 2, H, W); None
            where M is drawn from nothing.
        aux: the strategy's extra outputs.
    """

    image: Float[Tensor, "N 3 H W"]
    mask: Float[Tensor, "N 1 H W"]
    motion: Float[Tensor, "N 3 H W"]
    flow: Float[Tensor, "N 2 H W"] | None
    aux: Mapping[str, Tensor]


class Batch(NamedTuple):
    """Pairs as the paper trains on them (IV-B): one person and pose, two moments' lips.

    Attributes:
        video1: V1, (B, T, 3, H, W).
        video2: V2, the same frames with the lips of another moment, (B, T, 3, H, W).
        mel1: A1, the mel windows of V1's lips, (B, T, 80, S).
        mel2: A2, those of V2's lips, (B, T, 80, S).
        landmarks1: of V1, pixels of the crop, (B, T, 68, 2).
        landmarks2: of V2, likewise.
        lips1: how V1's lips differ from the clip's closed ones, in units of the distance from
            eyes to mouth, (B, T, 20, 2).
        lips2: V2's, likewise.
    """

    video1: Float[Tensor, "B T 3 H W"]
    video2: Float[Tensor, "B T 3 H W"]
    mel1: Float[Tensor, "B T 80 S"]
    mel2: Float[Tensor, "B T 80 S"]
    landmarks1: Float[Tensor, "B T 68 2"]
    landmarks2: Float[Tensor, "B T 68 2"]
    lips1: Float[Tensor, "B T 20 2"]
    lips2: Float[Tensor, "B T 20 2"]
