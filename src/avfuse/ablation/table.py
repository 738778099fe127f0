"""The results as Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from avfuse.evaluation.legend import LIPS, PICTURE, Column
from avfuse.evaluation.summary import Row

COLUMNS = tuple(
    column
    for column in (*PICTURE, *LIPS)
    if column.score
    in {"over_copy", "mouth_psnr", "psnr", "ssim", "sharpness", "lmd", "aperture", "sync"}
)
"""What the tables show; `results.json` has every score."""


def tables(summary: Mapping[str, Any]) -> str:
    """A table a group: mean ± standard deviation over seeds, of means over clips."""
    rows = summary["rows"]
    groups = dict.fromkeys(row["group"] for row in rows)
    parts = [part for group in groups for part in _group(group, rows)]
    failed = [f"- failed: {f['cell']}: {f['reason']}" for f in summary["failed"]]
    return "\n".join([f"# {summary['title']}", "", *parts, *failed]) + "\n"


def _group(group: str, rows: list[Row]) -> Iterator[str]:
    own = [row for row in rows if row["group"] == group]
    yield f"{group}, {own[0]['clips']} clips, {max(row['seeds'] for row in own)} seeds"
    yield ""
    titles = [f"{c.title} {c.unit}".strip() for c in COLUMNS]
    yield f"| {' | '.join(['method', *titles])} |"
    yield f"|{' --- |' * (1 + len(COLUMNS))}"
    for row in own:
        name = row["method"].replace("|", r"\|")
        yield f"| {' | '.join([name, *(cell(row, c) for c in COLUMNS)])} |"
    yield ""


def cell(row: Row, column: Column) -> str:
    """A mean, with its spread where there is one."""
    mean, spread = column.text(row[column.score]), row["spread"].get(column.score)
    return mean if spread is None else f"{mean} ± {column.text(spread)}"
