"""Ordinary middle layers: what the dynamic ones are compared with."""

from torch import nn

from avfuse.layers.blocks import ConvBlock


def check_middle(layers: int, kernel_size: int) -> None:
    """Refuse middle layers that are none, or that change the bottleneck's shape.

    Raises:
        ValueError: for fewer than one layer, or a kernel size that is not odd and positive.
    """
    if layers < 1 or kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(
            f"layers={layers}, kernel_size={kernel_size}; expected at least one layer and an odd "
            f"kernel size, which keeps the bottleneck's shape"
        )


def middle_layers(inputs: int, width: int, layers: int, kernel_size: int) -> nn.Sequential:
    """Static convolutions, each with batch norm and leaky ReLU (eq. 1).

    Args:
        inputs: channels that the first layer takes.
        width: channels of the bottleneck.
        layers: number of layers.
        kernel_size: height and width of their kernels.

    Raises:
        ValueError: as [`check_middle`][avfuse.fusion.middle.check_middle].
    """
    check_middle(layers, kernel_size)
    widths = [inputs] + [width] * (layers - 1)
    return nn.Sequential(*(ConvBlock(c, width, kernel_size=kernel_size) for c in widths))
