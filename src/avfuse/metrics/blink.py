"""How often the eyes blink, by the landmarks of the lids."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torchmetrics import Metric

CLOSED = 0.5
"""Lids nearer than this share of their usual distance count as closed."""

_RIGHT, _LEFT = slice(36, 42), slice(42, 48)


def eye_openness(landmarks: Float[Tensor, "T 68 2"]) -> Float[Tensor, "T"]:
    """Eye aspect ratio, the mean of both eyes (Soukupova and Cech 2016, eq. 1).

    The lids' distance over the eye's width: about 0.3 open, under 0.1 shut; NaN without a face.
    """
    return (_aspect(landmarks[:, _RIGHT]) + _aspect(landmarks[:, _LEFT])) / 2


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


def _aspect(eye: Float[Tensor, "T 6 2"]) -> Float[Tensor, "T"]:
    outer, upper1, upper2, inner, lower2, lower1 = eye.unbind(1)
    height = (upper1 - lower1).norm(dim=-1) + (upper2 - lower2).norm(dim=-1)
    return height / (2 * (outer - inner).norm(dim=-1))


def _seconds(times: Float[Tensor, "T"]) -> Float[Tensor, ""]:
    """How long the frames are shown, the last one as long as the others on average; float64."""
    return (times[-1] - times[0]).double() * len(times) / (len(times) - 1 or torch.nan)
