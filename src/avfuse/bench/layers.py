"""The dynamic layer beside other ways to give every sample a kernel of its own."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from avfuse.bench.measure import interleaved
from avfuse.layers.dynamic_conv import dynamic_conv2d

_CHANNELS, _SIZE = 256, 8  # the bottleneck of a picture of 256 x 256 pixels (paper, VI-A)


class DynamicConvTime(NamedTuple):
    """One form of the layer, kernels ready.

    Attributes:
        form: `dynamic` (ours), `grouped` (the paper's), `vmap`, or `static`: one kernel for all.
        kernel_size: height and width.
        batch: samples at a time.
        ms: milliseconds a batch.
    """

    form: str
    kernel_size: int
    batch: int
    ms: float


def dynamic_conv_times(
    device: torch.device, batches: Sequence[int], *, rounds: int, quiet: bool = False
) -> list[DynamicConvTime]:
    """Time a layer of 256 channels and 8 x 8 pixels, kernels of 1 x 1 and 3 x 3.

    Args:
        device: where.
        batches: samples at a time.
        rounds: how often each is timed.
        quiet: no progress bar.
    """
    works = {}
    for taps, batch in itertools.product((1, 3), batches):
        x = torch.randn(batch, _CHANNELS, _SIZE, _SIZE, device=device)
        kernel = torch.randn(batch, _CHANNELS, _CHANNELS, taps, taps, device=device)
        bias = torch.randn(batch, _CHANNELS, device=device)
        for form, convolve in FORMS.items():
            works[form, taps, batch] = partial(_convolve, convolve, x, kernel, bias)
    ms = interleaved(works, rounds, "layers", quiet)
    return [DynamicConvTime(*key, time) for key, time in ms.items()]


@torch.inference_mode()
def _convolve(form: "_Form", x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    return form(x, kernel, bias, kernel.shape[-1] // 2)


def _dynamic(x: Tensor, kernel: Tensor, bias: Tensor, padding: int) -> Tensor:
    return dynamic_conv2d(x, kernel, bias, padding=padding)


def _grouped(x: Tensor, kernel: Tensor, bias: Tensor, padding: int) -> Tensor:
    joined = x.flatten(0, 1).unsqueeze(0), kernel.flatten(0, 1), bias.flatten()
    return F.conv2d(*joined, padding=padding, groups=len(x)).view(x.shape)


def _vmapped(x: Tensor, kernel: Tensor, bias: Tensor, padding: int) -> Tensor:
    return torch.vmap(partial(F.conv2d, padding=padding))(x, kernel, bias)


def _static(x: Tensor, kernel: Tensor, bias: Tensor, padding: int) -> Tensor:
    return F.conv2d(x, kernel[0], bias[0], padding=padding)


_Form = Callable[[Tensor, Tensor, Tensor, int], Tensor]
FORMS: dict[str, _Form] = {
    "dynamic": _dynamic,
    "grouped": _grouped,
    "vmap": _vmapped,
    "static": _static,
}
"""Each takes x, kernels, biases and a padding."""
