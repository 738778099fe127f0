"""The audio transformation network: sound and a still face's shape become shapes over time."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock
from avfuse.layers.lstm import LSTM
from avfuse.sound.cepstra import cepstra

CEPSTRA = 12
"""Coefficients of a step; the one before them, which says how loud it is, is left out."""

LSTMState = tuple[Float[Tensor, "L B D"], Float[Tensor, "L B D"]]
"""Hidden and cell state of each layer."""


class ATNet(nn.Module):
    """AT-net (eq. 3): a conditional LSTM over the clip.

    Args:
        mel_steps: mel steps of a window.
        components: K, coefficients of a shape.
        width: channels of the first layer; all others follow from it (the paper's: 64).
    """

    def __init__(self, mel_steps: int = 28, components: int = 6, width: int = 64) -> None:
        super().__init__()
        if mel_steps < 5 or width < 1:
            raise ValueError(
                f"mel_steps={mel_steps}, width={width}; expected at least 5 steps, which the "
                f"poolings leave something of, and a positive width"
            )
        w = width
        rows, columns = (mel_steps - 5) // 2 + 1, 2  # what the two poolings leave
        self.audio = nn.Sequential(
            ConvBlock(1, w),
            ConvBlock(w, 2 * w),
            nn.MaxPool2d(3, (1, 2)),
            ConvBlock(2 * w, 4 * w),
            ConvBlock(4 * w, 4 * w),
            ConvBlock(4 * w, 8 * w),
            nn.MaxPool2d(3, 2),
            nn.Flatten(),
            *_dense(8 * w * rows * columns, 32 * w),
            *_dense(32 * w, 4 * w),
        )
        self.shape = nn.Sequential(*_dense(components, 4 * w), *_dense(4 * w, 8 * w))
        self.lstm = LSTM(12 * w, 4 * w, 3, batch_first=True)
        self.decode = nn.Linear(4 * w, components)

    def forward(
        self,
        mel: Float[Tensor, "B T 80 S"],
        shape: Float[Tensor, "B K"],
        state: LSTMState | None = None,
    ) -> tuple[Float[Tensor, "B T K"], LSTMState]:
        """Predict h_t from the mel windows of frames in a row and the reference's h_p.

        Returns:
            The coefficients, and the state with which the clip's next frames go on.
        """
        heard = self.audio(cepstra(mel, CEPSTRA, 1).flatten(0, 1).unsqueeze(1)).unflatten(
            0, mel.shape[:2]
        )
        still = self.shape(shape).unsqueeze(1).expand(-1, mel.shape[1], -1)
        hidden, state = self.lstm(torch.cat([heard, still], 2), state)
        return self.decode(hidden), state


def _dense(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)
