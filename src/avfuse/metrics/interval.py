"""How sure a mean over clips is."""

import numpy as np
from jaxtyping import Float

_RESAMPLES, _COVERED = 2000, 0.95


def interval(values: Float[np.ndarray, "n"]) -> list[float] | None:
    """95 % interval of a mean: percentiles of the means of 2000 resamples, always the same ones.

    Source: Efron 1979, the percentile bootstrap; resampled are clips, so clips of few people say
    little about other people.

    Args:
        values: one a clip.

    Returns:
        Low and high end; None for fewer than two clips.
    """
    if len(values) < 2:
        return None
    picks = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    tails = (1 - _COVERED) / 2
    low, high = np.quantile(values[picks].mean(1), (tails, 1 - tails))
    return [float(low), float(high)]
