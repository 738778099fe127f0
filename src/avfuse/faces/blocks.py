"""What the small networks that read faces are made of, and how one face is read fast."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Layer = Callable[[Tensor], Tensor]


class ConvNorm(nn.Sequential):
    """Convolution, batch norm (folded into it for inference), ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: pixels a side, odd.
        stride: of the convolution.
        active: False leaves the ReLU out.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, active: bool = True
    ) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        activation = nn.ReLU(inplace=True) if active else nn.Identity()
        super().__init__(convolution, nn.BatchNorm2d(outputs), activation)
        self.active = active

    def fused(self) -> nn.Conv2d:
        """The convolution that does what the norm does too, in evaluation mode."""
        convolution, norm = self[0], self[1]
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        return fuse_conv_bn_eval(convolution, norm)


class Residual(nn.Module):
    """Two convolutions beside a straight path.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3, active=False)

    def forward(self, x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        return torch.relu(x + self.second(self.first(x)))


def folded(net: nn.Module) -> Callable[[Tensor], Any]:
    """The forward of a network in evaluation mode, its batch norms folded into the convolutions.

    Plain functions all the way down: calls of modules would take a sixth of so small a net's time.

    Args:
        net: whose forward asks for nothing of it but its parts, by name.
    """
    parts = SimpleNamespace(**{name: _plain(part) for name, part in net.named_children()})
    return functools.partial(type(net).forward, parts)


def _plain(part: nn.Module) -> Layer:
    """What a part computes in evaluation mode, as a function."""
    match part:
        case ConvNorm():
            convolve = _plain(part.fused())
            return (lambda x: convolve(x).relu_()) if part.active else convolve
        case Residual(first=first, second=second):
            inner, outer = _plain(first), _plain(second)
            return lambda x: outer(inner(x)).add_(x).relu_()
        case nn.Conv2d(weight=weight, bias=bias, stride=stride, padding=padding):
            return lambda x: torch.conv2d(x, weight, bias, stride, padding)
        case nn.Linear(weight=weight, bias=bias):
            return lambda x: nn.functional.linear(x, weight, bias)
        case nn.Sequential():
            inner, *others = map(_plain, part)
            return functools.reduce(lambda f, g: lambda x: g(f(x)), others, inner)
        case _:
            return part


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One face costs more to share between threads than to read, above all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
