"""What Table 2 compares the pose network with (section 5.1)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.lstm import LSTM
from avfuse.methods.live_speech_portraits.head_pose import (
    NUMBERS,
    Gaussian,
    HeadPose,
    Kept,
    PoseNetwork,
)


class ForgetfulPose(HeadPose):
    """Ours (w/o Hist. Poses): the same convolutions, to which every pose before is the mean."""

    def predicted(
        self, before: Float[Tensor, "B T 12"], heard: Float[Tensor, "B T E"], kept: Kept | None
    ) -> tuple[Gaussian, Kept]:
        numbers, left = self.decoded(torch.zeros_like(before), heard, kept)
        return Gaussian.of(numbers), left


class RecurrentPose(PoseNetwork):
    """LSTM: recurrence in place of convolutions, as deep as the mouth's.

    Args:
        features: of a mel step's representation.
        channels: as of `HeadPose`; the states have twice as many.
    """

    def __init__(self, features: int, channels: int = 128) -> None:
        super().__init__(features, 4 * channels)
        self.lstm = LSTM(NUMBERS + 4 * channels, 2 * channels, 3, batch_first=True)
        self.decode = nn.Linear(2 * channels, 2 * NUMBERS)

    def predicted(
        self, before: Float[Tensor, "B T 12"], heard: Float[Tensor, "B T E"], kept: Kept | None
    ) -> tuple[Gaussian, Kept]:
        state = None if kept is None else (kept[0], kept[1])
        made, left = self.lstm(torch.cat([before, heard], 2), state)
        return Gaussian.after(before, self.decode(made)), left


NETWORKS: dict[str, type[HeadPose | RecurrentPose]] = {
    "convolutions": HeadPose,
    "without_history": ForgetfulPose,
    "lstm": RecurrentPose,
}
"""By the name that the method's option gives them."""
