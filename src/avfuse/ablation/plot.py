"""Line plots as inline SVG: a variant's mean over its seeds, in a band from least to most."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from jaxtyping import Float

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 260, 44, 150, 10, 34  # pixels
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a800")
"""Told apart by the colour-blind (Okabe and Ito 2008), as far as they go."""

Lines = Mapping[str, Sequence[Sequence[float]]]


def line_plot(x: Sequence[float], lines: Lines, across: str, up: str) -> str:
    """Draw lines.

    Args:
        x: where each value stands.
        lines: by variant, for each seed as many values as x has.
        across: name of the horizontal axis.
        up: name of the vertical one.

    Returns:
        An `<svg>` element; empty where there is nothing to draw.
    """
    values = {name: np.array(seeds, np.float64) for name, seeds in lines.items()}
    if len(x) < 2 or not values:
        return ""
    every = np.concatenate([v.ravel() for v in values.values()])
    place = _Place(min(x), max(x), min(0.0, float(every.min())), float(every.max()))
    parts = [*_axes(place, across, up)]
    ends = _spaced([float(v.mean(0)[-1]) for v in values.values()], place)
    for (name, seeds), y, colour in zip(values.items(), ends, COLOURS * 9, strict=False):
        parts += _line(name, np.array(x), seeds, place, y, colour)
    label = escape(f"{up} over {across}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


class _Place:
    """From values to pixels."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float) -> None:
        self.x0, self.x1, self.y0, self.y1 = x0, x1, y0, y1 if y1 > y0 else y0 + 1.0

    def x(self, value: float) -> float:
        share = (value - self.x0) / ((self.x1 - self.x0) or 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y0) / (self.y1 - self.y0)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _axes(place: _Place, across: str, up: str) -> list[str]:
    bottom, right = place.y(place.y0), place.x(place.x1)
    rests = [v for v in (place.y0, 0.0, place.y1) if place.y0 <= v <= place.y1]
    marks = [
        f'<path class="axis" d="M{_LEFT} {place.y(v):.1f}H{right:.1f}"/>'
        f'<text x="{_LEFT - 5}" y="{place.y(v) + 4:.1f}" text-anchor="end">{v:.2g}</text>'
        for v in dict.fromkeys(rests)
    ]
    ends = [
        f'<text x="{place.x(v):.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{v:g}</text>'
        for v in (place.x0, place.x1)
    ]
    middle = (_LEFT + right) / 2
    names = [
        f'<text x="{middle:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{escape(across)}</text>',
        f'<text x="{_LEFT + 6}" y="{_TOP + 10}">{escape(up)}</text>',
    ]
    return [*marks, *ends, *names]


def _line(
    name: str, x: Float[np.ndarray, "n"], seeds: Float[np.ndarray, "s n"], place: _Place,
    end: float, colour: str,
) -> list[str]:  # fmt: skip
    low, high, mean = seeds.min(0), seeds.max(0), seeds.mean(0)
    there = [f"{place.x(a):.1f} {place.y(b):.1f}" for a, b in zip(x, high, strict=True)]
    back = [f"{place.x(a):.1f} {place.y(b):.1f}" for a, b in zip(x[::-1], low[::-1], strict=True)]
    path = [f"{place.x(a):.1f} {place.y(b):.1f}" for a, b in zip(x, mean, strict=True)]
    return [
        f'<path d="M{"L".join([*there, *back])}Z" fill="{colour}" opacity=".15"/>',
        f'<path d="M{"L".join(path)}" fill="none" stroke="{colour}" stroke-width="2"/>',
        f'<text x="{place.x(place.x1) + 6:.1f}" y="{end + 4:.1f}" style="fill:{colour}">'
        f"{escape(name)}</text>",
    ]


def _spaced(values: Sequence[float], place: _Place) -> list[float]:
    """Heights for the names at the lines' ends, none on top of another."""
    order = sorted(range(len(values)), key=lambda i: place.y(values[i]))
    heights, last = [0.0] * len(values), -1e9
    for i in order:
        last = heights[i] = max(place.y(values[i]), last + 13)
    return heights
