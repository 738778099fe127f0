"""Convolutions over time that look back only: over a whole sequence, or over its next piece."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class CausalConv(nn.Conv1d):
    """A dilated convolution of which an output sees its own input and earlier ones.

    State: the inputs that the next outputs still see. They go in and come out, so that a step costs
    the same however long the sequence is already; before it begins, there are zeros.

    Args:
        in_channels: of each step.
        out_channels: likewise.
        kernel_size: inputs that an output sees.
        dilation: steps from one of them to the next.
        bias: whether a constant is added.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation, bias=bias)
        self.reach = (kernel_size - 1) * dilation

    def forward(  # type: ignore[override] # takes and gives its state
        self, x: Float[Tensor, "B C T"], kept: Float[Tensor, "B C R"] | None = None
    ) -> tuple[Float[Tensor, "B D T"], Float[Tensor, "B C R"]]:
        """The outputs, and what is `kept` for the steps that follow."""
        if kept is None:
            kept = x.new_zeros(*x.shape[:2], self.reach)
        every = torch.cat([kept, x], 2)
        return super().forward(every), every[..., x.shape[2] :]
