"""What was measured, for people: tables in Markdown, and a plot."""

from collections.abc import Iterable, Sequence
from html import escape

from avfuse.bench.networks import YARDSTICK, NetworkTime, NetworkTimes, is_yardstick
from avfuse.bench.run import Measured

_WIDTH, _ROW, _LABEL = 760, 26, 320  # of the plot, in pixels


def tables(measured: Measured) -> str:
    """Everything as Markdown."""
    whole = measured.end_to_end
    networks = measured.networks
    figures = "ms a frame", "fps", f"× {YARDSTICK}"
    parts = [
        _table(("method", "runner", "size", "batch", *figures), table_iv(networks)),
        _table(
            ("method", "runner", "size", "network", "batch", *figures),
            (_cells(row, networks.yardstick, f"{row.network}²") for row in networks.rows),
        ),
        _table(("stage", "ms a frame"), [(n, f"{ms:.2f}") for n, ms in whole.stages.items()]),
        f"{whole.frames} frames of {whole.width}x{whole.height}: {whole.seconds:.2f} s "
        f"({whole.frames / whole.seconds:.1f} fps), {whole.start_seconds:.2f} s of it before the "
        f"first frame; decoding and encoding alone "
        f"{whole.transcode_seconds:.2f} s: {whole.ratio:.2f} times as long",
        _table(
            ("layer", "kernel", "batch", "ms"),
            [
                (row.form, f"{row.kernel_size}x{row.kernel_size}", str(row.batch), f"{row.ms:.3f}")
                for row in measured.dynamic_conv
            ],
        ),
        _table(
            ("rasteriser", "batch", "ms a frame"),
            [(row.work, str(row.batch), f"{row.ms_per_frame:.2f}") for row in measured.rasteriser],
        ),
        "\n".join(f"- {key}: {value}" for key, value in measured.machine.items()),
    ]
    if measured.peak_rss_mb is not None:
        parts[-1] += f"\n- peak memory, end to end: {measured.peak_rss_mb:.0f} MB"
    parts[-1] += "".join(f"\n- {reason}" for reason in networks.skipped.values())
    return "\n\n".join(parts)


def plot(networks: NetworkTimes) -> str:
    """Milliseconds a frame of all that ran, each at its best batch, as an SVG."""
    bars = best(networks)
    longest = max(map(_ms, bars.values()))
    height = _ROW * (len(bars) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13">',
        f'<text x="{_LABEL}" y="17" fill="#777">'
        "milliseconds a frame, each at its best batch</text>",
    ]
    for row, (name, measured) in enumerate(bars.items(), start=1):
        ms = measured.ms_per_frame
        length = (_WIDTH - _LABEL - 60) * ms / longest
        colour = "#999" if is_yardstick(measured) else "#00897b"
        lines += [
            f'<text x="{_LABEL - 8}" y="{row * _ROW + 17}" fill="#777" text-anchor="end">'
            f"{escape(name)}</text>",
            f'<rect x="{_LABEL}" y="{row * _ROW + 4}" width="{length:.1f}" height="{_ROW - 8}" '
            f'fill="{colour}"/>',
            f'<text x="{_LABEL + length + 6:.1f}" y="{row * _ROW + 17}" fill="#777">'
            f"{ms:.1f}</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def best(networks: NetworkTimes) -> dict[str, NetworkTime]:
    """The row of the best batch, by what ran."""
    rows: dict[str, NetworkTime] = {}
    for row in networks.rows:
        name = f"{row.method}, {row.runner}, {_sizes(row.size, row.network)}"
        rows[name] = min(row, rows.get(name, row), key=_ms)
    return rows


def table_iv(networks: NetworkTimes) -> list[tuple[str, ...]]:
    """Table IV of paper 000: a frame's time in each method, at the size that it is made for.

    Each at its best batch, and the model that was asked for with its best runner.
    """
    first: dict[str, NetworkTime] = {}
    for row in networks.rows:
        if row.network == row.size:
            first.setdefault(row.method, row)
    chosen = [
        min((r for r in networks.rows if (r.method, r.size, r.network) == place), key=_ms)
        for place in ((row.method, row.size, row.network) for row in first.values())
    ]
    return [_cells(row, networks.yardstick) for row in sorted(chosen, key=_ms)]


def _ms(row: NetworkTime) -> float:
    return row.ms_per_frame


def _cells(row: NetworkTime, yardstick: float, *more: str) -> tuple[str, ...]:
    ms = row.ms_per_frame
    figures = f"{ms:.2f}", f"{1000 / ms:.0f}", f"{yardstick / ms:.1f}"
    return row.method, row.runner, f"{row.size}²", *more, str(row.batch), *figures


def _sizes(size: int, network: int) -> str:
    return f"{size}²" if size == network else f"{size}² drawn at {network}²"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
