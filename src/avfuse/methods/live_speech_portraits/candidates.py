"""The candidate image set (section 3.4): frames that tell the renderer what a person looks like."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.methods.live_speech_portraits.points import INNER_LIPS

RANK = 100
"""The mouth's area that is shown: not the least and the largest, which may be errors, but the
hundredth of each."""


def choose_candidates(
    areas: Float[Tensor, "T"], rotations: Float[Tensor, "T 3"], count: int = 4
) -> list[int]:
    """Choose frames of a person.

    The first has the 100th smallest mouth, the second the 100th largest; of few frames, a tenth of
    them is passed over instead. The others are the nearest to places at even intervals along the
    rotation about x, and as many about y.

    Args:
        areas: of the open mouth.
        rotations: of the head, rotation vectors.
        count: N, 0 or an even number.
    """
    if count % 2 or count < 0:
        raise ValueError(f"{count} candidates; expected an even number, or none")
    if not count:
        return []
    rank, order = min(RANK - 1, len(areas) // 10), areas.argsort()
    chosen = [int(order[rank]), int(order[-1 - rank])]
    for axis in (0, 1):
        turned, share = rotations[:, axis], (count - 2) // 2
        low, high = (turned.quantile(q) for q in (0.02, 0.98))  # the very last may be errors
        places = low + (high - low) * (torch.arange(share) + 1) / (share + 1)
        chosen += [int((turned - place).abs().argmin()) for place in places]
    return chosen


def mouth_areas(face: Float[Tensor, "T P 3"]) -> Float[Tensor, "T"]:
    """The area of the open mouth in each frame, in squares of the face's unit (shoelace formula).

    Args:
        face: the 73 points in space, in the head's own axes.
    """
    x, y = face[:, INNER_LIPS, :2].unbind(2)
    return (x * y.roll(-1, 1) - y * x.roll(-1, 1)).sum(1).abs() / 2
