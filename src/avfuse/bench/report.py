"""What was measured, for people: tables in Markdown, and a plot."""

from collections.abc import Iterable, Sequence
from html import escape

from avfuse.bench.networks import NetworkTimes
from avfuse.bench.run import Measured
from avfuse.methods.wav2lip.generator import SIZE

_WIDTH, _ROW, _LABEL = 680, 26, 240  # of the plot, in pixels


def tables(measured: Measured) -> str:
    """Everything as Markdown."""
    whole = measured.end_to_end
    parts = [
        _table(
            ("method", "size", "network", "batch", "ms a frame", "fps", "× Wav2Lip"),
            _rows(measured),
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
        "\n".join(f"- {key}: {value}" for key, value in measured.machine.items()),
    ]
    if measured.peak_rss_mb is not None:
        parts[-1] += f"\n- peak memory, end to end: {measured.peak_rss_mb:.0f} MB"
    parts[-1] += "".join(f"\n- {reason}" for reason in measured.networks.skipped.values())
    return "\n\n".join(parts)


def plot(networks: NetworkTimes) -> str:
    """Milliseconds a frame of every runner and of Wav2Lip, each at its best batch, as an SVG."""
    bars = best(networks)
    longest = max(bars.values())
    height = _ROW * (len(bars) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13">',
        f'<text x="{_LABEL}" y="17" fill="#777">'
        "milliseconds a frame, each at its best batch</text>",
    ]
    for row, (name, ms) in enumerate(bars.items(), start=1):
        length = (_WIDTH - _LABEL - 60) * ms / longest
        colour = "#999" if name.startswith("Wav2Lip") else "#00897b"
        lines += [
            f'<text x="{_LABEL - 8}" y="{row * _ROW + 17}" fill="#777" text-anchor="end">'
            f"{escape(name)}</text>",
            f'<rect x="{_LABEL}" y="{row * _ROW + 4}" width="{length:.1f}" height="{_ROW - 8}" '
            f'fill="{colour}"/>',
            f'<text x="{_LABEL + length + 6:.1f}" y="{row * _ROW + 17}" fill="#777">'
            f"{ms:.1f}</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def best(networks: NetworkTimes) -> dict[str, float]:
    """Milliseconds a frame at the best batch, by what ran."""
    times: dict[str, float] = {}
    named = [
        (f"{r.runner}, {_sizes(r.size, r.network)}", r.ms_per_frame) for r in networks.generator
    ]
    named += [("Wav2Lip, 96²", row.ms_per_frame) for row in networks.wav2lip]
    for name, ms in named:
        times[name] = min(ms, times.get(name, ms))
    return times


def _rows(measured: Measured) -> Iterable[tuple[str, ...]]:
    yardstick = min(row.ms_per_frame for row in measured.networks.wav2lip)
    rows = measured.networks
    every = [(r.runner, r.size, r.network, r.batch, r.ms_per_frame) for r in rows.generator]
    every += [("Wav2Lip", SIZE, SIZE, row.batch, row.ms_per_frame) for row in rows.wav2lip]
    for name, size, network, batch, ms in every:
        figures = f"{ms:.2f}", f"{1000 / ms:.0f}", f"{yardstick / ms:.1f}"
        yield name, f"{size}²", f"{network}²", str(batch), *figures


def _sizes(size: int, network: int) -> str:
    return f"{size}²" if size == network else f"{size}² drawn at {network}²"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
