"""The values that flow between the rooms, and the one legend of shape letters.

| letter | meaning                      | letter | meaning                       |
|--------|------------------------------|--------|-------------------------------|
| B      | batch (clips)                | D      | width of an audio feature     |
| T      | frames of a clip             | S      | mel steps (80 a second)       |
| N      | frames, time folded: B·T     | P      | landmarks (68, iBUG order)    |
| C      | channels                     | K      | reference frames              |
| H W    | height, width in pixels      | L      | audio samples (16 kHz, mono)  |

Images are RGB float in [0, 1] inside networks and uint8 RGB outside. Coordinates are pixels, x
before y. Time is seconds.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

Pyramid = tuple[Float[Tensor, "N _ _ _"], ...]
"""Features of N frames, fine to coarse; every level has a C, H and W of its own."""


class Dims(NamedTuple):
    """What the encoders publish and every fusion strategy derives its widths from.

    Attributes:
        visual: channels of the feature pyramid, fine to coarse; the last one is the bottleneck.
        audio: width D of one frame's audio feature.
    """

    visual: tuple[int, ...]
    audio: int


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
        audio: audio features, (B, T, D).
        kernels: what [`DynamicKernel`][avfuse.DynamicKernel] prepares, one entry a dynamic layer.
    """

    audio: Float[Tensor, "B T D"]
    kernels: tuple[Kernel, ...] = ()

    def fold(self) -> "Condition":
        """Fold time into the batch: every (B, T, ...) becomes (N, ...) with N = B·T."""
        return Condition(
            self.audio.flatten(0, 1),
            tuple(
                Kernel(k.weight.flatten(0, 1), None if k.bias is None else k.bias.flatten(0, 1))
                for k in self.kernels
            ),
        )


class Fused(NamedTuple):
    """What a strategy hands to the decoder.

    Attributes:
        features: the pyramid, fine to coarse, with sound in it; shapes as the encoder gave them.
        aux: named extra outputs for the strategy's own losses.
    """

    features: Pyramid
    aux: dict[str, Tensor]


class Generated(NamedTuple):
    """One generated frame and what it was made of.

    Attributes:
        image: I' = I·(1-α) + M·α (eq. 7), (N, 3, H, W); M itself where blending is off.
        mask: attention mask α in [0, 1], (N, 1, H, W).
        motion: motion image M, (N, 3, H, W): the input and the change, not clipped to [0, 1],
            since clipping would stop gradients.
        aux: the strategy's extra outputs.
    """

    image: Float[Tensor, "N 3 H W"]
    mask: Float[Tensor, "N 1 H W"]
    motion: Float[Tensor, "N 3 H W"]
    aux: dict[str, Tensor]


class Batch(NamedTuple):
    """Pairs as the paper trains on them (IV-B): one person and pose, two moments' lips.

    Attributes:
        video1: V1, (B, T, 3, H, W).
        video2: V2, the same frames with the lips of another moment, (B, T, 3, H, W).
        mel1: A1, the mel windows of V1's lips, (B, T, 80, S).
        mel2: A2, those of V2's lips, (B, T, 80, S).
        landmarks1: of V1, pixels of the crop, (B, T, 68, 2).
        landmarks2: of V2, likewise.
        lips1: V1's lip shape, the clip's mean taken out, in units of the distance from eyes to
            mouth, (B, T, 20, 2).
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
