"""The up-sampling half of the U-Net, for training and, in less work, for inference."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock, ResidualBlock
from avfuse.types import Pyramid


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


class LateDecoder(nn.Module):
    """A decoder that convolves the coarse features before they are doubled, not after.

    Doubling and then convolving by 3 x 3 shows each output pixel 2 x 2 coarse ones, some of them
    several times. That is a transposed convolution, with 4 products for 9. What comes from the
    encoder is convolved by itself, so that nothing is doubled or concatenated.

    Args:
        decoder: whose norms are folded away.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        parts = [_parts(*step.children()) for step in decoder.steps]
        self.ups, self.skips, self.rests = (nn.ModuleList(p) for p in zip(*parts, strict=True))

    def forward(self, features: Pyramid) -> Float[Tensor, "N C H W"]:
        """Decode the pyramid to its finest level."""
        *beside, y = features
        layers = zip(self.ups, self.skips, self.rests, reversed(beside), strict=True)
        for up, skip, rest, x in layers:
            y = rest(skip(x).add_(up(y)))
        return y


def _parts(block: nn.Module, *residual: nn.Module) -> tuple[nn.Module, nn.Module, nn.Module]:
    """Split a decoder's step: convolutions of the coarse and the skipped features, and the rest."""
    conv, *after = block.children()
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    outputs, coarse = conv.out_channels, conv.in_channels - conv.out_channels
    up = nn.ConvTranspose2d(coarse, outputs, 4, 2, 1, bias=False, device="meta")
    skip = nn.Conv2d(outputs, outputs, 3, 1, 1, device="meta")  # the weights follow
    up.weight = nn.Parameter(_doubled(conv.weight[:, :coarse]), requires_grad=False)
    skip.weight = nn.Parameter(conv.weight[:, coarse:].clone(), requires_grad=False)
    skip.bias = conv.bias
    return up, skip, nn.Sequential(*after, *residual)


def _doubled(weight: Float[Tensor, "O I 3 3"]) -> Float[Tensor, "I O 4 4"]:
    """The transposed kernel that equals doubling followed by a kernel."""
    twice = weight.new_ones(1, 1, 2, 2)
    taps = F.conv_transpose2d(weight.flip(2, 3).flatten(0, 1)[:, None], twice)
    return taps.view(*weight.shape[:2], 4, 4).transpose(0, 1).contiguous()


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
