"""The report: one HTML file with nothing to load; tables, frames, masks and curves."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from avfuse.ablation.plan import Cell
from avfuse.ablation.plot import line_plot
from avfuse.ablation.table import COLUMNS, cell
from avfuse.evaluation.summary import Row


def report(summary: Mapping[str, Any], cells: Sequence[Cell]) -> str:
    """Write a page about one ablation.

    Args:
        summary: what `results.json` holds.
        cells: those that are done, whose pictures are shown.
    """
    groups = list(dict.fromkeys(row["group"] for row in summary["rows"]))
    first = {c.variant: c for c in reversed(cells)}  # the first seed of each
    body = [
        f"<h1>{escape(summary['title'])}</h1>",
        f'<p class="faint">{escape(summary["protocol"])} · avfuse {escape(summary["avfuse"])}</p>',
        "<p>Means over clips, then over seeds; behind the ± the standard deviation over the seeds. "
        "A dash: the score does not exist for this row.</p>",
        *_failed(summary["failed"]),
    ]
    for group in groups:
        body += _group([row for row in summary["rows"] if row["group"] == group])
        body += _frames(group, {v: first[v].folder for v in summary["curves"]})
    body += _plots(summary, groups)
    style = (resources.files("avfuse.evaluation") / "report.css").read_text()
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(summary['title'])}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _group(rows: Sequence[Row]) -> Iterator[str]:
    seeds = max(row["seeds"] for row in rows)
    yield f"<h2>{escape(rows[0]['group'])}: {rows[0]['clips']} clips, {seeds} seeds</h2>"
    head = "".join(f"<th>{escape(c.title)}<small>{escape(c.hint)}</small></th>" for c in COLUMNS)
    lines = [f"<tr><th>method</th>{head}</tr>"]
    for row in rows:
        cells = "".join(f"<td>{cell(row, column)}</td>" for column in COLUMNS)
        lines.append(f"<tr><td>{escape(row['method'])}</td>{cells}</tr>")
    yield f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _frames(group: str, folders: Mapping[str, Path]) -> Iterator[str]:
    """Side by side: truth, what was given, and of each variant's first seed frames and masks."""
    first = next(iter(folders.values()))
    rows = [(name, first / f"{group}-{name}.jpg") for name in ("truth", "given")]
    for variant, folder in folders.items():
        rows += [(variant, folder / f"{group}-made.jpg"), ("", folder / f"{group}-mask.jpg")]
    yield '<div class="scroll"><table class="frames">'
    for name, path in rows:
        if path.exists():  # a cell of an earlier run may have been moved here without its pictures
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img src="data:image/jpeg;base64,{data}" alt="{escape(name)}">'
            yield f"<tr><td>{escape(name)}</td><td>{image}</td></tr>"
    yield "</table></div>"


def _plots(summary: Mapping[str, Any], groups: Sequence[str]) -> Iterator[str]:
    shares = [100 * share for share in summary["shares"]]
    moved = line_plot(
        shares, summary["translation"], "face moved up, % of the crop", "dB over copy"
    )
    if moved:
        yield f"<h2>Translation test (Fig. 8), {escape(groups[0])}</h2>{moved}"
    for split in ("seen", "unseen"):
        name = f"val/{split}/gain"
        found = {v: [_scores(c, name) for c in curves] for v, curves in summary["curves"].items()}
        epochs = sorted(set.intersection(*(set(s) for seeds in found.values() for s in seeds)))
        lines = {v: [[s[e] for e in epochs] for s in seeds] for v, seeds in found.items()}
        if plot := line_plot([float(e + 1) for e in epochs], lines, "epoch", "gain dB"):
            yield f"<h2>Validation pairs, {split}: mouth PSNR over the input's</h2>{plot}"


def _scores(curve: Sequence[Mapping[str, Any]], name: str) -> dict[int, float]:
    """By epoch; those there are."""
    return {line["epoch"]: float(line[name]) for line in curve if name in line}


def _failed(failed: Sequence[Mapping[str, str]]) -> Iterator[str]:
    if failed:
        items = "".join(f"<li>{escape(f['cell'])}: {escape(f['reason'])}</li>" for f in failed)
        yield f"<h2>Failed</h2><ul>{items}</ul>"
