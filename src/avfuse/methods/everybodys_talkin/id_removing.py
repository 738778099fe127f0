"""The audio ID-removing network: cepstra of any speaker, moved to those of nobody in particular."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.lstm import LSTM


class IDRemoving(nn.Module):
    """x' = (I + Σ λ_j W_j) x (eq. 1, Fig. 3): λ inferred from the sound, W learnt for all of it.

    The adaptation is linear in each step's cepstra and the same for all steps of a window, as in
    the speaker adaptation of speech recognition that the paper makes a network of.

    Args:
        coefficients: C, cepstra a step.
        components: k, matrices W_j.
        width: of the LSTM.
    """

    def __init__(self, coefficients: int, components: int, width: int) -> None:
        super().__init__()
        self.lstm = LSTM(coefficients, width, batch_first=True)
        self.weigh = nn.Linear(width, components)
        spread = 0.1 * coefficients**-0.5  # so that x' begins near x
        self.basis = nn.Parameter(spread * torch.randn(components, coefficients, coefficients))

    def forward(self, x: Float[Tensor, "N S C"]) -> Float[Tensor, "N S C"]:
        """The cepstra of windows, each as of the "global speaker"."""
        hidden, _ = self.lstm(x)
        matrices = torch.einsum("nk,kij->nij", self.weigh(hidden[:, -1]), self.basis)
        return x + x @ matrices.mT
