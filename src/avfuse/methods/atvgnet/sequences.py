"""What ATVGnet learns from: one picture, and a clip of the same person speaking."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.types import Batch


class Sequences(NamedTuple):
    """Examples and clips.

    Attributes:
        image: i_p, the example frame.
        still: p_p, its landmarks, in pixels.
        mel: a_1 to a_T, the clip's mel windows.
        video: v_1 to v_T.
        landmarks: p_1 to p_T, in pixels.
    """

    image: Float[Tensor, "B 3 H W"]
    still: Float[Tensor, "B 68 2"]
    mel: Float[Tensor, "B T 80 S"]
    video: Float[Tensor, "B T 3 H W"]
    landmarks: Float[Tensor, "B T 68 2"]


def sequences(batch: Batch) -> Sequences:
    """Use each pair both ways: V1's first frame and V2's clip, then V2's first and V1's clip."""
    return Sequences(
        torch.cat([batch.video1[:, 0], batch.video2[:, 0]]),
        torch.cat([batch.landmarks1[:, 0], batch.landmarks2[:, 0]]),
        torch.cat([batch.mel2, batch.mel1]),
        torch.cat([batch.video2, batch.video1]),
        torch.cat([batch.landmarks2, batch.landmarks1]),
    )
