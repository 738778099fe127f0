"""The adapted U-Net of the paper's Figure 3: encode, fuse, decode, blend."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import FusionFactory
from avfuse.fusion.naming import describe
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.layers.warp import blend, warp
from avfuse.methods.dynamic_kernels.face_encoder import FaceEncoder
from avfuse.types import Condition, Dims, Drawn, Generated, Pyramid

_REACH = 0.125  # how far a pixel may come from, as a share of the size trained for


class Decoder(nn.Module):
    """The up-sampling half, with the encoder's features beside, up to half the image's size.

    The last step up is the heads' pixel shuffle: at full size nothing but the output is computed.

    Args:
        channels: of the pyramid, fine to coarse.
        blocks: residual blocks a level, as in the encoder.
    """

    def __init__(self, channels: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        coarse_to_fine = list(zip(channels[:-1], blocks[:-1], strict=True))[::-1]
        y = channels[-1]
        for skip, count in coarse_to_fine:
            residual = (ResidualBlock(skip) for _ in range(count))
            self.steps.append(nn.Sequential(ConvBlock(y + skip, skip), *residual))
            y = skip

    def forward(self, features: Pyramid) -> Float[Tensor, "N C H W"]:
        """Decode the pyramid to its finest level."""
        *skips, y = features
        for step, skip in zip(self.steps, reversed(skips), strict=True):
            y = step(torch.cat([_double(y), skip], 1))
        return y


class Generator(nn.Module):
    """Frames and sound in, frames that speak out.

    Args:
        fusion: how sound gets in: a [`Fusion`][avfuse.Fusion] class or partial.
        channels: of the pyramid, fine to coarse (paper: 5 levels, 256 at the bottleneck).
        blocks: residual blocks a level, fine to coarse; none for the plain U-Net.
        blend: whether the input, changed, is blended by eq. 7, or the network draws the output
            itself (the paper's w/o-blending ablation).
        mel_steps: mel steps the audio encoder hears around a frame (16: 200 ms).
        audio_width: width of the audio encoder (32: Wav2Lip's).
        size: pixels a side that it is trained for; it takes any that divide by `stride`.

    Attributes:
        over_time: whether it is given (B, T, ...) rather than single frames, (N, ...).
    """

    over_time: ClassVar[bool] = False

    def __init__(
        self,
        fusion: FusionFactory,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] | None = None,
        blend: bool = True,
        mel_steps: int = 16,
        audio_width: int = 32,
        size: int = 256,
    ) -> None:
        super().__init__()
        blocks = (0,) * len(channels) if blocks is None else blocks
        if min(channels, default=0) < 1 or min(blocks) < 0 or len(blocks) != len(channels):
            raise ValueError(
                f"channels={tuple(channels)}, blocks={tuple(blocks)}; expected positive channels "
                f"and one number of blocks a level"
            )
        self.face = FaceEncoder(channels, blocks)
        self.audio = AudioEncoder(mel_steps, audio_width)
        self.fusion = fusion(Dims(self.face.channels, self.audio.dim, self.audio.positions))
        self.decoder = Decoder(channels, blocks)
        self.heads = _heads(channels[0])
        self.blend = blend
        self.size = size
        self.stride: int = 2 ** len(channels)
        # What it takes to build it again, as plain values; the encoders' widths are derived.
        self.config: dict[str, Any] = {
            "fusion": describe(fusion, self.fusion),
            "channels": list(channels),
            "blocks": list(blocks),
            "blend": blend,
            "mel_steps": mel_steps,
            "audio_width": audio_width,
            "size": size,
        }

    def listen(self, mel: Float[Tensor, "B T 80 S"]) -> Float[Tensor, "B T D"]:
        """The audio feature of every mel window (h1 of eq. 2)."""
        return self.audio(mel.flatten(0, 1)).unflatten(0, mel.shape[:2])

    def prepare(self, mel: Float[Tensor, "B T 80 S"]) -> Condition:
        """Audio side, for a clip or chunk: mel windows to everything that drives the mouth."""
        return self.fusion.prepare(Condition(self.listen(mel)))

    def draw(self, image: Float[Tensor, "N 3 H W"], condition: Condition) -> Drawn:
        """What eq. 7 is made of, for whoever blends elsewhere; arguments as of `forward`."""
        if image.shape[-1] % self.stride or image.shape[-2] % self.stride:
            raise ValueError(
                f"image is {image.shape[-1]}x{image.shape[-2]}; sides must divide by {self.stride}"
            )
        fused = self.fusion(self.face(image), condition)
        heads = self.heads(self.decoder(fused.features)).to(image.dtype)
        bounded = heads.tanh()  # all at once: a few channels alone do not lie densely, and are slow
        mask, flow = heads[:, 3:4].sigmoid(), bounded[:, 4:] * (_REACH * self.size)
        # M "presents the change" (IV-C): the network need not learn to copy what it was given, and
        # lips that move keep their texture. What opens between them only the change can draw.
        if self.blend:
            return Drawn(mask, flow, bounded[:, :3], fused.aux)
        change = heads[:, :3].sigmoid() - image
        return Drawn(torch.ones_like(mask), torch.zeros_like(flow), change, fused.aux)

    def forward(self, image: Float[Tensor, "N 3 H W"], condition: Condition) -> Generated:
        """Frame side: images (sides divisible by `stride`) and a folded condition."""
        mask, flow, change, aux = self.draw(image, condition)
        motion = (warp(image, flow) if self.blend else image) + change
        return Generated(blend(image, mask, motion), mask, motion, flow, change, aux)


def _heads(channels: int) -> nn.Sequential:
    """Colour (3 channels), α (1) and flow (2), four pixels each; the flow starts from rest."""
    conv = nn.Conv2d(channels, 24, 3, 1, 1)
    nn.init.zeros_(conv.weight[16:])
    nn.init.zeros_(cast(Tensor, conv.bias)[16:])
    return nn.Sequential(conv, nn.PixelShuffle(2))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
