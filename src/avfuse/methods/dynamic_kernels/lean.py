"""A generator made lean for inference: the same function in less work, and in fewer bits."""

import copy
import itertools

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from avfuse.methods.dynamic_kernels.generator import Decoder, Generator
from avfuse.types import Pyramid


def lean(generator: Generator) -> Generator:
    """A copy that does less work.

    Batch norms are part of the convolutions before them, and the decoder is a `LateDecoder`. Equal
    to the generator in evaluation mode, but for rounding.
    """
    copied = copy.deepcopy(generator).eval().requires_grad_(False)
    for part in copied.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
    copied.add_module("decoder", LateDecoder(copied.decoder))
    return copied.to(memory_format=torch.channels_last)


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


def narrow(generator: Generator, dtype: torch.dtype) -> None:
    """Let the middle of a lean generator compute in another precision.

    First and last layers stay in float32: what the mel loses when it is rounded, and what the flow
    does, shows in the picture more than all the rest together.
    """
    decoder = generator.get_submodule("decoder")
    assert isinstance(decoder, LateDecoder)  # of a lean generator
    face, audio, fusion = generator.face.levels[1:], generator.audio.layers[1:], generator.fusion
    for part in (*face, *audio, *decoder.ups[:-1], *decoder.skips[:-1], *decoder.rests[:-1]):
        _compute_in(part, dtype)
    _compute_in(decoder.ups[-1], torch.float32)
    fusion.to(dtype)
    fusion.register_forward_pre_hook(
        lambda _, given: ((*given[0][:-1], given[0][-1].to(dtype)), given[1])
    )


def _compute_in(part: nn.Module, dtype: torch.dtype) -> None:
    part.to(dtype)
    part.register_forward_pre_hook(lambda _, given: (given[0].to(dtype),))


def _fold(parts: nn.Sequential) -> None:
    for index, (conv, norm) in enumerate(itertools.pairwise(parts)):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            parts[index] = fuse_conv_bn_eval(conv, norm)
            parts[index + 1] = nn.Identity()
