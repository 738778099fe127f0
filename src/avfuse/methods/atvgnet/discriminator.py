"""The regression-based discriminator: is a clip real, and which landmarks does it show?"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock
from avfuse.layers.lstm import LSTM


class Judged(NamedTuple):
    """What the discriminator says of clips.

    Attributes:
        score: s of eq. 11 before the sigmoid, one a clip, (B,).
        landmarks: D_p's of every frame (eq. 10), in pixels, (B, T, 68, 2).
    """

    score: Float[Tensor, "B"]
    landmarks: Float[Tensor, "B T 68 2"]


class RegressionDiscriminator(nn.Module):
    """D_s and D_p (section 3.3, Fig. 4): one LSTM over the frames, two readings of it.

    The paper gives no sizes. Here each frame is encoded by strided convolutions, the example's
    landmarks by two linear maps, and the LSTM has one layer.

    Args:
        channels: of the image encoder's layers; each halves the size.
        width: of either encoder's code and of the LSTM.
        size: pixels a side.
    """

    def __init__(
        self, channels: Sequence[int] = (64, 64, 128, 256, 512), width: int = 256, size: int = 128
    ) -> None:
        super().__init__()
        convolutions = (
            ConvBlock(*both, stride=2) for both in zip((3, *channels[:-1]), channels, strict=True)
        )
        side = -(-size // 2 ** len(channels))  # every stride rounds up
        self.image = nn.Sequential(
            *convolutions, nn.Flatten(), nn.Linear(channels[-1] * side * side, width)
        )
        self.still = nn.Sequential(
            nn.Linear(136, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )
        self.lstm = LSTM(2 * width, width, batch_first=True)
        self.move, self.score = nn.Linear(width, 136), nn.Linear(width, 1)
        self.size = size

    def forward(self, video: Float[Tensor, "B T 3 H W"], still: Float[Tensor, "B 68 2"]) -> Judged:
        """Judge clips, given the example's landmarks p_p in pixels."""
        frames = self.image(2 * video.flatten(0, 1) - 1).unflatten(0, video.shape[:2])
        example = self.still(((2 * still + 1) / self.size - 1).flatten(1))
        states, _ = self.lstm(torch.cat([example.unsqueeze(1).expand_as(frames), frames], 2))
        moved = self.move(states).unflatten(2, (68, 2)) * (self.size / 2)
        return Judged(self.score(states).mean((1, 2)), still.unsqueeze(1) + moved)
