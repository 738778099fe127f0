"""Recurrence over time for feature maps."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ConvGRU(nn.Module):
    """A gated recurrent unit whose matrix products are convolutions (Ballas et al. 2016).

    The gates are those of `torch.nn.GRU`, the reset gate after the product, so that one convolution
    a step does for all three; on maps of one pixel the two are the same.

    State: the last step's output. It goes in and comes out, so a clip may come in chunks.

    Args:
        in_channels: of each step's map.
        channels: of the state, and so of the output.
        kernel_size: height and width of the kernels, odd.
        dilation: of the kernels.
    """

    def __init__(
        self, in_channels: int, channels: int, *, kernel_size: int = 3, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel_size // 2)
        self.given = nn.Conv2d(in_channels, 3 * channels, kernel_size, 1, padding, dilation)
        self.kept = nn.Conv2d(channels, 3 * channels, kernel_size, 1, padding, dilation)
        self.channels = channels

    def forward(
        self, x: Float[Tensor, "B T C H W"], state: Float[Tensor, "B D H W"] | None = None
    ) -> tuple[Float[Tensor, "B T D H W"], Float[Tensor, "B D H W"]]:
        """Run over time, from `state` or from zero; the outputs, and the state after the last."""
        given = self.given(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        if state is None:
            state = given.new_zeros(len(x), self.channels, *x.shape[-2:])
        outputs = []
        for step in given.unbind(1):
            reset, update, new = step.chunk(3, 1)
            kept_reset, kept_update, kept_new = self.kept(state).chunk(3, 1)
            candidate = torch.tanh(new + torch.sigmoid(reset + kept_reset) * kept_new)
            state = torch.lerp(candidate, state, torch.sigmoid(update + kept_update))
            outputs.append(state)
        return torch.stack(outputs, 1), state
