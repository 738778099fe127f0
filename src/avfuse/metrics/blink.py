"""How often the eyes blink, by the landmarks of the lids."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

from avfuse.geometry.eyes import CLOSED, eye_openness


def blinks(openness: Float[Tensor, "T"]) -> Int[Tensor, ""]:
    """How often the eyes close: falls below half of the clip's median openness.

    The median stands for the person's open eyes, which a fixed threshold would take for shut in
    narrow ones. Frames without a face are passed over.
    """
    known = openness[~openness.isnan()]
    if not known.numel():
        return torch.zeros((), dtype=torch.int64, device=openness.device)
    closed = known < CLOSED * known.median()
    return (closed[1:] & ~closed[:-1]).sum()


def blink_rate(landmarks: Float[Tensor, "T 68 2"], times: Float[Tensor, "T"]) -> Float[Tensor, ""]:
    """Blinks a minute of one clip.

    Args:
        landmarks: of a clip, pixels; NaN where no face was found.
        times: of its frames, seconds, rising.

    Returns:
        Blinks a minute; NaN for a clip of a single frame.
    """
    return 60 * blinks(eye_openness(landmarks)) / _seconds(times)


class BlinkRate(Metric):
    """Blinks, [`blink_rate`][avfuse.metrics.blink.blink_rate].

    All blinks over all seconds; one clip an update. Unit: blinks a minute. No direction: the
    truth's rate belongs beside it.
    """

    higher_is_better = None
    is_differentiable = False
    full_state_update = False
    blinks: Tensor
    seconds: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("blinks", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("seconds", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, landmarks: Float[Tensor, "T 68 2"], times: Float[Tensor, "T"]) -> None:
        self.blinks = self.blinks + blinks(eye_openness(landmarks))
        self.seconds = self.seconds + _seconds(times).nan_to_num(0)

    def compute(self) -> Float[Tensor, ""]:
        """Blinks a minute over every clip so far; NaN before the first."""
        return (60 * self.blinks / self.seconds).float()


def _seconds(times: Float[Tensor, "T"]) -> Float[Tensor, ""]:
    """How long the frames are shown, the last one as long as the others on average; float64."""
    return (times[-1] - times[0]).double() * len(times) / (len(times) - 1 or torch.nan)
