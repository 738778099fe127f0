"""From scores of clips to a row a method: means and their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from avfuse.evaluation.score import Scores

_RESAMPLES, _COVERED = 2000, 0.95

Row = dict[str, Any]
"""One clip or one method: names, and numbers or None where a score does not exist."""


def summarise(rows: Sequence[Row]) -> list[Row]:
    """Mean and interval of every score, a row for each group and method.

    Args:
        rows: each with `group`, `clip`, `method` and the fields of `Scores`.

    Returns:
        Rows with `group`, `method`, `clips` (how many), the means, and `intervals`, for each score
        that exists the low and high end of the 95 % interval of its mean.
    """
    names = dict.fromkeys((row["group"], row["method"]) for row in rows)
    return [
        _summary(*name, [r for r in rows if (r["group"], r["method"]) == name]) for name in names
    ]


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


def _summary(group: str, method: str, rows: Sequence[Row]) -> Row:
    values = {
        name: np.array([r[name] for r in rows if r[name] is not None], np.float64)
        for name in Scores._fields
    }
    means = {k: float(v.mean()) if len(v) else None for k, v in values.items()}
    intervals = {k: interval(v) for k, v in values.items() if len(v)}
    return {"group": group, "method": method, "clips": len(rows), **means, "intervals": intervals}
