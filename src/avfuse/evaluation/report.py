"""The report: one HTML file with nothing to load, tables, distributions and clips, worst first."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from avfuse.evaluation.case import Case
from avfuse.evaluation.legend import LIPS, PICTURE, Column, groups, scored
from avfuse.evaluation.sidebyside import video_url
from avfuse.evaluation.strips import strip_plot
from avfuse.evaluation.summary import Row

_WORST, _BEST = 4, 2
_CAPTION = ("over_copy", "mouth_psnr", "lmd", "aperture", "sync")


def report(metrics: Mapping[str, Any], cases: Sequence[Case]) -> str:
    """Write a page about one evaluation.

    Args:
        metrics: what [`run`][avfuse.evaluation.run.run] gives, with `protocol` and what was judged.
        cases: those that were scored; the videos of a few of them are made again.
    """
    ranked = worst_first(metrics["clips"], cases)
    body = [
        *_head(metrics),
        *_groups(metrics),
        *_clips("Worst clips", ranked[:_WORST]),
        *_clips("Best clips", ranked[_WORST:][::-1][:_BEST]),
        *_every(ranked),
        *_listed("Skipped", [(s["clip"], s["reason"]) for s in metrics["skipped"]]),
        *_listed("Notes", [(n["clip"], n["note"]) for n in metrics["notes"]]),
    ]
    style = (resources.files("avfuse.evaluation") / "report.css").read_text()
    title = f"avfuse: {metrics['protocol']}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def worst_first(rows: Sequence[Row], cases: Sequence[Case]) -> list[tuple[Case, Row]]:
    """Each case and the row of what is judged, by what it gains over the copy, the least first."""
    judged = {
        (row["group"], row["clip"]): row for row in rows if row["method"] == cases[0].methods[-1]
    }
    pairs = [(case, judged[case.group, case.clip]) for case in cases]
    return sorted(pairs, key=lambda pair: _gain(pair[1]))


def _gain(row: Row) -> float:
    return float("inf") if row["over_copy"] is None else float(row["over_copy"])


def _head(metrics: Mapping[str, Any]) -> Iterator[str]:
    known = [f"{k} {metrics[k]}" for k in ("model", "generated", "reference") if k in metrics]
    clips = {(row["group"], row["clip"]) for row in metrics["clips"]}
    facts = [*known, f"{len(clips)} clips", f"avfuse {metrics['avfuse']}"]
    yield f"<h1>{escape(metrics['protocol'])}</h1>"
    yield f'<p class="faint">{escape(" · ".join(facts))}</p>'
    yield (
        "<p>Under the name of a score, its unit and which way is better. Means over clips; in "
        "small print the 95 % interval of the mean, by bootstrap over clips. A dash: the score "
        "does not exist for this row.</p>"
    )


def _groups(metrics: Mapping[str, Any]) -> Iterator[str]:
    for group in dict.fromkeys(row["group"] for row in metrics["rows"]):
        means = [row for row in metrics["rows"] if row["group"] == group]
        clips = [row for row in metrics["clips"] if row["group"] == group]
        yield f"<h2>{escape(group)}: {means[0]['clips']} clips</h2>"
        tables = groups(metrics["rows"])
        for columns in tables:
            yield _means_table(means, columns)
        yield '<div class="plots">'
        for column in itertools.chain(*tables):
            if plot := strip_plot(column, means, clips):
                yield f"<figure><figcaption>{_title(column)}</figcaption>{plot}</figure>"
        yield "</div>"


def _means_table(means: Sequence[Row], columns: Sequence[Column]) -> str:
    head = "".join(f"<th>{escape(c.title)}<small>{escape(c.hint)}</small></th>" for c in columns)
    lines = [f"<tr><th>method</th>{head}</tr>"]
    for row in scored(means, columns):
        cells = "".join(f"<td>{_cell(row, column)}</td>" for column in columns)
        judged = ' class="judged"' if row is means[-1] else ""
        lines.append(f"<tr{judged}><td>{escape(row['method'])}</td>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _cell(row: Row, column: Column) -> str:
    ends = row["intervals"].get(column.score)
    small = "" if ends is None else f"<small>{' to '.join(map(column.text, ends))}</small>"
    return column.text(row[column.score]) + small


def _title(column: Column) -> str:
    return escape(f"{column.title} ({column.hint})" if column.hint else column.title)


def _clips(title: str, ranked: Sequence[tuple[Case, Row]]) -> Iterator[str]:
    if not ranked:
        return
    yield f'<h2>{title}</h2><div class="clips">'
    for case, row in ranked:
        methods = (*case.methods[:2], *case.panels[1:])
        panels = "".join(f"<span>{escape(name)}</span>" for name in methods)
        scores = (f"{c.title} {c.text(row[c.score])} {c.unit}".strip() for c in _captioned())
        yield (
            f'<figure><div class="panels">{panels}</div>'
            f'<video src="{video_url(case.show(methods))}" autoplay loop muted playsinline>'
            f"</video><figcaption>{escape(f'{case.clip} ({case.group})')}<br>"
            f"{escape(' · '.join(scores))}</figcaption></figure>"
        )
    yield "</div>"


def _captioned() -> list[Column]:
    return [column for column in (*PICTURE, *LIPS) if column.score in _CAPTION]


def _every(ranked: Sequence[tuple[Case, Row]]) -> Iterator[str]:
    columns = list(itertools.chain(*groups([row for _, row in ranked])))
    head = "".join(f"<th>{escape(c.title)}<small>{escape(c.unit)}</small></th>" for c in columns)
    lines = [f"<tr><th>clip</th><th>group</th>{head}</tr>"]
    for case, row in ranked:
        cells = "".join(f"<td>{column.text(row[column.score])}</td>" for column in columns)
        names = f"<td>{escape(case.clip)}</td><td>{escape(case.group)}</td>"
        lines.append(f"<tr>{names}{cells}</tr>")
    table = f'<div class="scroll"><table>{"".join(lines)}</table></div>'
    yield f"<h2>Every clip</h2><details><summary>{len(ranked)} clips, worst first</summary>"
    yield f"{table}</details>"


def _listed(title: str, lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    if lines:
        items = "".join(f"<li>{escape(clip)}: {escape(text)}</li>" for clip, text in lines)
        yield f"<h2>{title}</h2><ul>{items}</ul>"
