"""Whether lips close where the sound says that they did: at /p/, /b/ and /m/.

Nobody makes these sounds with open lips, so they are where a wrong mouth is seen. A correlation
over all frames hardly counts them: they are few, and short.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.metrics.base import Mean

CLOSED = 0.25
"""Lips nearer than this share of the clip's mean opening count as closed.

Of 73 closures in 50 clips of GRID, labelled frame by frame, 72 are under it, and nine in ten under
0.1; of moments at other sounds four in ten. docs/evaluation.md has the numbers.
"""

WITHIN = 0.08
"""Seconds between a closure's moment and the lips' nearest: two frames at 25 a second."""

_ROUNDING = 1e-6  # seconds; a frame that is just so far away counts


class Closures(NamedTuple):
    """How the lips of a clip close.

    Attributes:
        gap: how near they come, the mean of `closure_gaps`.
        share: of the closures, those whose gap is under `CLOSED`.
    """

    gap: Float[Tensor, ""]
    share: Float[Tensor, ""]


def closure_gaps(
    opening: Float[Tensor, "T"], times: Float[Tensor, "T"], moments: Float[Tensor, "n"]
) -> Float[Tensor, "n"]:
    """The least opening of the lips around each closure, over the clip's mean opening.

    Around is `WITHIN`: an aligner is a frame off, and lips close before that is heard. The mean
    and not the median, since lips touch for half of a clip that begins and ends in silence.

    Args:
        opening: of the inner lips, in any unit, 0 where they touch; less, where they are pressed,
            counts as 0. NaN where no face was found.
        times: of the frames, seconds.
        moments: of the closures, seconds.

    Returns:
        0 where the lips touch, 1 where they come no nearer than they are on average; float64. NaN
        where no frame was seen, and where the lips touch in all.
    """
    opening = opening.double().clamp_min(0)
    usual = opening.nanmean()
    apart = (times.double() - moments.double()[:, None]).abs()
    around = (apart <= WITHIN + _ROUNDING) & ~opening.isnan()
    # Padded, so that the least of no frame at all is infinite.
    candidates = torch.where(around, opening, math.inf)
    least = F.pad(candidates, (0, 1), value=math.inf).amin(1)
    return torch.where(least.isfinite() & (usual > 0), least / usual, math.nan)


def closure(
    opening: Float[Tensor, "T"], times: Float[Tensor, "T"], moments: Float[Tensor, "n"]
) -> Closures:
    """How near the lips of a clip come at closures, and how many of these they close at.

    Args:
        opening: as for [`closure_gaps`][avfuse.metrics.closure.closure_gaps].
        times: likewise.
        moments: likewise.

    Returns:
        Means over the closures that were seen; NaN where none was.
    """
    gaps = closure_gaps(opening, times, moments)
    return Closures(gaps.nanmean(), _closed(gaps).nanmean())


class ClosureGap(Mean):
    """How near lips come at closures, [`closure_gaps`][avfuse.metrics.closure.closure_gaps].

    The mean over closures; one clip an update. Unit: the clip's mean opening. Lower is better,
    down to the truth's.
    """

    higher_is_better = False

    def update(
        self,
        opening: Float[Tensor, "T"],
        times: Float[Tensor, "T"],
        moments: Float[Tensor, "n"],
    ) -> None:
        self.add(closure_gaps(opening, times, moments))


class ClosureShare(Mean):
    """How many closures the lips close at, [`closure`][avfuse.metrics.closure.closure].

    Of all closures; one clip an update. Unit: none, a share. Higher is better, up to the truth's.
    """

    higher_is_better = True

    def update(
        self,
        opening: Float[Tensor, "T"],
        times: Float[Tensor, "T"],
        moments: Float[Tensor, "n"],
    ) -> None:
        self.add(_closed(closure_gaps(opening, times, moments)))


def _closed(gaps: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
    return torch.where(gaps.isnan(), gaps, (gaps < CLOSED).double())
