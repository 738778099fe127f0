"""From scores of clips to a row a method: means and their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from avfuse.evaluation.score import Scores
from avfuse.metrics.interval import interval

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


def _summary(group: str, method: str, rows: Sequence[Row]) -> Row:
    values = {
        name: np.array([r[name] for r in rows if r[name] is not None], np.float64)
        for name in Scores._fields
    }
    means = {k: float(v.mean()) if len(v) else None for k, v in values.items()}
    intervals = {k: interval(v) for k, v in values.items() if len(v)}
    return {"group": group, "method": method, "clips": len(rows), **means, "intervals": intervals}
