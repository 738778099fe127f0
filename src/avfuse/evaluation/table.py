"""The rows as Markdown."""

from collections.abc import Sequence

from avfuse.evaluation.legend import Column, groups, scored
from avfuse.evaluation.summary import Row


def tables(rows: Sequence[Row]) -> str:
    """Tables of picture, lips and what was asked for; each cell a mean and its 95 % interval."""
    return "\n\n".join(_table(rows, columns) for columns in groups(rows))


def _table(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    titles = [f"{c.title} {c.unit}".strip() for c in columns]
    lines = [["clips", "method", *titles], ["---"] * (2 + len(columns))]
    for row in scored(rows, columns):
        cells = (cell(row, column) for column in columns)
        lines.append([f"{row['group']} ({row['clips']})", row["method"], *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(row: Row, column: Column) -> str:
    """A mean, with its interval where there is one."""
    mean, ends = column.text(row[column.score]), row["intervals"].get(column.score)
    if ends is None:
        return mean
    low, high = map(column.text, ends)
    return f"{mean} [{low}, {high}]"
