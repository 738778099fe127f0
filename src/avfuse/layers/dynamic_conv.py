"""Convolution with a kernel of its own for every sample (paper, III-B)."""

import functools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.autocast import autocast_dtype
from avfuse.types import Kernel


def dynamic_conv2d(
    x: Float[Tensor, "B C H W"],
    kernel: Float[Tensor, "B O I kH kW"],
    bias: Float[Tensor, "B O"] | None = None,
    *,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Float[Tensor, "B O H2 W2"]:
    """Convolve every sample with its own kernel.

    Equal to `F.conv2d(x[i], kernel[i], bias[i], ...)` for each i, in one call. Pointwise kernels
    (the paper's ks = 1) and maps of a few pixels run as one batched matrix product, all others as
    one grouped convolution (the paper, VI-A): whichever was measured to be faster.

    Args:
        x: images or features, (B, C, H, W).
        kernel: one kernel a sample, (B, C_out, C / groups, kH, kW).
        bias: one bias a sample, (B, C_out).
        stride: step of the window, in pixels.
        padding: zeros added on each side, in pixels; or `"valid"` for none, or `"same"` for as many
            as keep the size, as in `F.conv2d`.
        dilation: distance between kernel taps, in pixels.
        groups: channel groups, as in `F.conv2d`.

    Returns:
        (B, C_out, H', W').

    Raises:
        ValueError: if kernel or bias do not fit x, or `"same"` meets a stride.
    """
    _check(x, kernel, bias, groups)
    # Autocast knows neither of the two calls' operands as one convolution: cast them together.
    if (dtype := autocast_dtype(x.device)) is not None:
        x, kernel = x.to(dtype), kernel.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    border = _border(padding, tuple(kernel.shape[-2:]), _pair(stride), _pair(dilation))
    if not border.is_even():
        x, border = F.pad(x, border), _Border()
    geometry = _Geometry(_pair(stride), (border.top, border.left), _pair(dilation))
    if min(geometry.stride + geometry.dilation) < 1 or min(geometry.padding) < 0:
        raise ValueError(f"{geometry}; strides and dilations start at 1, paddings at 0")
    height, width = geometry.output_size(x, kernel)
    if height < 1 or width < 1:
        raise ValueError(
            f"kernel {tuple(kernel.shape[-2:])} with dilation={dilation} is larger than x "
            f"{tuple(x.shape[-2:])} with padding={padding}"
        )
    if groups == 1 and kernel.shape[-2:] == (1, 1) and geometry == _Geometry():
        return _product(x.flatten(2), kernel, bias, (height, width))
    if groups == 1 and height * width <= _FEW_PIXELS:
        columns = F.unfold(
            x, kernel.shape[-2:], geometry.dilation, geometry.padding, geometry.stride
        )
        return _product(columns, kernel, bias, (height, width))
    return _grouped(x, kernel, bias, geometry, groups)


_MODES = ("zeros", "reflect", "replicate", "circular")

# Up to here, unfold and a product beat the grouped convolution of 256 channels, 3x3 (4x4 pixels:
# level at batch 1, 1.2 times as fast at 8, 3 times at 32); at 8x8 they lose up to batch 8.
_FEW_PIXELS = 16


class _Border(NamedTuple):
    """What is added on each side, in pixels, in the order of `F.pad`."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def is_even(self) -> bool:
        return self.left == self.right and self.top == self.bottom


def _border(
    padding: int | tuple[int, int] | str,
    taps: tuple[int, ...],
    stride: tuple[int, int],
    dilation: tuple[int, int],
) -> _Border:
    """A padding in pixels; what `"same"` cannot halve goes right and below, as in `nn.Conv2d`."""
    if not isinstance(padding, str):
        vertical, horizontal = _pair(padding)
        return _Border(horizontal, horizontal, vertical, vertical)
    if padding == "valid":
        return _Border()
    if padding != "same":
        raise ValueError(f"padding is {padding!r}; expected pixels, 'same' or 'valid'")
    if max(stride) > 1:
        raise ValueError(f"padding='same' with stride={stride}; give pixels, or a stride of 1")
    height, width = (d * (t - 1) for d, t in zip(dilation, taps, strict=True))
    return _Border(width // 2, width - width // 2, height // 2, height - height // 2)


class _Geometry(NamedTuple):
    """Stride, padding and dilation, each (vertical, horizontal) in pixels."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    def output_size(self, x: Tensor, kernel: Tensor) -> tuple[int, int]:
        height, width = (
            (size + 2 * padding - dilation * (taps - 1) - 1) // stride + 1
            for size, taps, stride, padding, dilation in zip(
                x.shape[-2:], kernel.shape[-2:], *self, strict=True
            )
        )
        return height, width


def _product(
    columns: Tensor, kernel: Tensor, bias: Tensor | None, size: tuple[int, int]
) -> Float[Tensor, "B O H2 W2"]:
    weight = kernel.flatten(2)
    if bias is None:
        y = torch.bmm(weight, columns)
    else:
        y = torch.baddbmm(bias.unsqueeze(2), weight, columns)
    return y.reshape(*y.shape[:2], *size)


def _grouped(
    x: Tensor, kernel: Tensor, bias: Tensor | None, geometry: _Geometry, groups: int
) -> Float[Tensor, "B O H2 W2"]:
    batch, channels, height, width = x.shape
    out_channels = kernel.shape[1]
    if batch == 0:  # a convolution of zero groups does not exist; this one keeps shape and gradient
        return F.conv2d(x, kernel.sum(0), None, *geometry, groups)
    y = F.conv2d(
        x.reshape(1, batch * channels, height, width),
        kernel.flatten(0, 1),
        None if bias is None else bias.flatten(),
        *geometry,
        batch * groups,
    )
    return y.reshape(batch, out_channels, *y.shape[-2:])


class DynamicConv2d(nn.Module):
    """A convolution whose kernel is a function of another modality (paper, eq. 2: Θd = h2(h1(A))).

    One linear map turns a code vector into kernel and bias: C_out x (C_in·kH·kW + 1) numbers
    (paper, VI-A). The map's own bias is an ordinary kernel, which the code then changes.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: height and width of the kernel, in pixels.
        features: width D of the code vector.
        stride: as in `nn.Conv2d`.
        padding: as in `nn.Conv2d`, `"same"` and `"valid"` too.
        dilation: as in `nn.Conv2d`.
        groups: as in `nn.Conv2d`.
        bias: whether a bias is generated too.
        rank: None for the paper's full map; a number for a map factored through that many
            values, D·rank + rank·C_out·(C_in·kH·kW + 1) parameters.
        padding_mode: as in `nn.Conv2d`: zeros, reflect, replicate or circular.
        device: as in `nn.Conv2d`.
        dtype: as in `nn.Conv2d`.

    Shape:
        x (B, C_in, H, W), code (B, D) -> (B, C_out, H', W').
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 1,
        *,
        features: int,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        rank: int | None = None,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": min(_pair(kernel_size)),
            "features": features,
            "groups": groups,
            "rank": 1 if rank is None else rank,
        }
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups={groups} does not divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        if padding_mode not in _MODES:
            raise ValueError(
                f"padding_mode is {padding_mode!r}; expected one of {', '.join(_MODES)}"
            )
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.padding_mode = padding_mode
        self.weight_shape = (out_channels, in_channels // groups, *_pair(kernel_size))
        self._border = _border(padding, _pair(kernel_size), _pair(stride), _pair(dilation))
        self.has_bias = bias
        size = math.prod(self.weight_shape) + (out_channels if bias else 0)
        linear = functools.partial(nn.Linear, device=device, dtype=dtype)
        self.squeeze = nn.Identity() if rank is None else linear(features, rank)
        self.expand = linear(features if rank is None else rank, size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as an ordinary convolution that the code changes by about half."""
        fan_in = math.prod(self.weight_shape[1:])
        weights = math.prod(self.weight_shape)
        with torch.no_grad():
            nn.init.normal_(self.expand.bias[:weights], std=math.sqrt(2 / fan_in))
            nn.init.zeros_(self.expand.bias[weights:])
            spread = 0.5 * math.sqrt(2 / fan_in) / math.sqrt(self.expand.in_features)
            nn.init.normal_(self.expand.weight, std=spread)

    def kernels(self, code: Float[Tensor, "... D"]) -> Kernel:
        """Turn codes (..., D) into kernels (..., C_out, C_in / groups, kH, kW) and biases."""
        flat = self.expand(self.squeeze(code))
        weights = math.prod(self.weight_shape)
        weight = flat[..., :weights].unflatten(-1, self.weight_shape)
        return Kernel(weight, flat[..., weights:] if self.has_bias else None)

    def convolve(self, x: Float[Tensor, "B C H W"], kernel: Kernel) -> Float[Tensor, "B O H2 W2"]:
        """Apply kernels made earlier by [`kernels`][avfuse.DynamicConv2d.kernels]."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, self._border, self.padding_mode), 0
        return dynamic_conv2d(
            x,
            kernel.weight,
            kernel.bias,
            stride=self.stride,
            padding=padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    def forward(
        self, x: Float[Tensor, "B C H W"], code: Float[Tensor, "B D"]
    ) -> Float[Tensor, "B O H2 W2"]:
        return self.convolve(x, self.kernels(code))

    def extra_repr(self) -> str:
        mode = "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}"
        return f"kernel={self.weight_shape}, stride={self.stride}, padding={self.padding}{mode}"


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _check(x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> None:
    if x.ndim != 4:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected (B, C, H, W)")
    if kernel.ndim != 5:
        raise ValueError(
            f"kernel has shape {tuple(kernel.shape)}; expected (B, C_out, C_in / groups, kH, kW)"
        )
    if kernel.shape[0] != x.shape[0]:
        raise ValueError(
            f"kernel is for {kernel.shape[0]} samples, x has {x.shape[0]}; give one kernel a sample"
        )
    if kernel.shape[2] * groups != x.shape[1] or kernel.shape[1] % groups:
        raise ValueError(
            f"kernel {tuple(kernel.shape)} with groups={groups} does not fit x with "
            f"{x.shape[1]} channels; expected C_in / groups = {x.shape[1] / groups:g} and C_out "
            f"divisible by groups"
        )
    if bias is not None and bias.shape != kernel.shape[:2]:
        raise ValueError(
            f"bias has shape {tuple(bias.shape)}; expected {tuple(kernel.shape[:2])}, (B, C_out)"
        )
