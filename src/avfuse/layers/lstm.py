"""Recurrence that any processor can train."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.autocast import autocast_dtype

State = tuple[Float[Tensor, "L B D"], Float[Tensor, "L B D"]]
"""Hidden and cell state of each layer."""


class LSTM(nn.LSTM):  # noqa: TID251
    """`nn.LSTM` of batches, which leaves autocast and computes in the precision of its weights.

    On a processor without AVX-512, torch has no LSTM in bfloat16 under autocast and raises; and
    over many steps bfloat16 loses what a state gathers. Parameters are named as in `nn.LSTM`.
    """

    def forward(  # type: ignore[override] # takes no packed sequences
        self, x: Float[Tensor, "B T C"], state: State | None = None
    ) -> tuple[Float[Tensor, "B T D"], State]:
        """Run over time, from `state` or from zero; the outputs, and the state after the last."""
        if autocast_dtype(x.device) is None:
            return super().forward(x, state)
        dtype = next(self.parameters()).dtype
        if state is not None:
            state = state[0].to(dtype), state[1].to(dtype)
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(dtype), state)
