"""From cells to a row a variant: the mean over its seeds, and how far they spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from avfuse.ablation.plan import Cell, Plan
from avfuse.evaluation.score import Scores
from avfuse.evaluation.spoken import MODEL
from avfuse.evaluation.summary import Row

Result = Mapping[str, Any]


def summarise(plan: Plan, cells: Sequence[Cell], results: Sequence[Result]) -> dict[str, Any]:
    """Put the cells together.

    Args:
        plan: whose cells they are.
        cells: those that are done.
        results: of each cell, what its `result.json` holds.

    Returns:
        `rows`: for each group the truth, the copy and every variant, with `seeds`, the mean over
        the seeds of each score's mean over the clips, and their `spread`, the standard deviation
        over the seeds; `translation` and `curves`, by variant, one list a seed.
    """
    pairs = list(zip(cells, results, strict=True))
    by_variant = {v: [r for c, r in pairs if c.variant == v] for v in plan.variants}
    by_variant = {variant: found for variant, found in by_variant.items() if found}
    every = [row for result in results for row in result["rows"]]
    alike: dict[tuple[str, str], Row] = {}  # what needs no model is the same in every cell
    for row in every:
        if row["method"] != MODEL:
            alike.setdefault((row["group"], row["method"]), row)
    rows = [
        row
        for group in dict.fromkeys(row["group"] for row in every)
        for row in (
            *(_row(method, [r]) for (g, method), r in alike.items() if g == group),
            *(_row(v, _of(group, f)) for v, f in by_variant.items() if _of(group, f)),
        )
    ]
    return {
        "rows": rows,
        "shares": list(plan.translation),
        "translation": {v: [r["translation"] for r in found] for v, found in by_variant.items()},
        "curves": {v: [r["curve"] for r in found] for v, found in by_variant.items()},
    }


def _of(group: str, results: Sequence[Result]) -> list[Row]:
    rows = (row for result in results for row in result["rows"])
    return [row for row in rows if row["group"] == group and row["method"] == MODEL]


def _row(name: str, rows: Sequence[Row]) -> Row:
    trained = rows[0]["method"] == MODEL
    values = {
        score: np.array([r[score] for r in rows if r[score] is not None], np.float64)
        for score in Scores._fields
    }
    return {
        "group": rows[0]["group"],
        "method": name,
        "clips": rows[0]["clips"],
        "seeds": len(rows) if trained else 0,
        **{score: float(v.mean()) if len(v) else None for score, v in values.items()},
        "spread": {s: float(v.std(ddof=1)) for s, v in values.items() if trained and len(v) > 1},
    }
