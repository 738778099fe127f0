"""Strip plots as inline SVG: one score, every clip a dot, a line a method."""

from collections.abc import Sequence
from html import escape

from avfuse.evaluation.legend import Column
from avfuse.evaluation.summary import Row

_NAMES, _PLOT, _LINE, _EDGE = 130, 250, 22, 8  # pixels: names, plot, a line's height, margin


def strip_plot(column: Column, means: Sequence[Row], clips: Sequence[Row]) -> str:
    """Draw how one score is spread over the clips of a group.

    Args:
        column: which score.
        means: the group's rows by [`summarise`][avfuse.evaluation.summary.summarise].
        clips: the group's rows of single clips.

    Returns:
        An `<svg>` element; empty where no method has the score.
    """
    shown = [row for row in means if row[column.score] is not None]
    values = [row[column.score] for row in clips if row[column.score] is not None]
    if not shown:
        return ""
    scale = _Scale(min(values), max(values))
    lines = [
        _line(i, column, row, [c for c in clips if c["method"] == row["method"]], scale)
        for i, row in enumerate(shown)
    ]
    bottom = len(shown) * _LINE
    width, height = _NAMES + _PLOT + 2 * _EDGE, bottom + _LINE
    ends = (
        f'<text x="{scale(value):.1f}" y="{bottom + 15}" text-anchor="{anchor}">'
        f"{column.text(value)}</text>"
        for value, anchor in ((scale.low, "start"), (scale.high, "end"))
    )
    title = f"{column.title}, every clip a dot"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f'<path class="axis" d="M{_NAMES + _EDGE} {bottom}h{_PLOT}"/>'
        f"{''.join(lines)}{''.join(ends)}</svg>"
    )


class _Scale:
    """From values to pixels.

    Args:
        low: the smallest value.
        high: the largest one.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self._unit = _PLOT / (high - low) if high > low else 0.0

    def __call__(self, value: float) -> float:
        return _NAMES + _EDGE + (value - self.low) * self._unit


def _line(i: int, column: Column, mean: Row, clips: Sequence[Row], scale: _Scale) -> str:
    """A method's name, dots, mean and interval."""
    y = i * _LINE + _LINE / 2
    parts = [f'<text x="{_NAMES}" y="{y + 4}" text-anchor="end">{escape(mean["method"])}</text>']
    if ends := mean["intervals"].get(column.score):
        # A resample's mean lies among the values, so the interval lies in the plot.
        low, high = map(scale, ends)
        parts.append(f'<path class="interval" d="M{low:.1f} {y}H{high:.1f}"/>')
    for clip in clips:
        if (value := clip[column.score]) is not None:
            name = escape(f"{clip['clip']}: {column.text(value)}")
            dot = f'<circle cx="{scale(value):.1f}" cy="{y}" r="3.5"><title>{name}</title></circle>'
            parts.append(dot)
    parts.append(f'<path class="mean" d="M{scale(mean[column.score]):.1f} {y - 7}v14"/>')
    return "".join(parts)
