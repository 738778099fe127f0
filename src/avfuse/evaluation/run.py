"""The loop over clips: resumable, and a clip that cannot be used does not end it."""

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from tqdm import tqdm

from avfuse import __version__
from avfuse.errors import InputError
from avfuse.evaluation.case import Case, Skipped, digest, fingerprint
from avfuse.evaluation.kept import Kept
from avfuse.evaluation.score import Judge, Scores
from avfuse.evaluation.summary import Row, summarise
from avfuse.evaluation.task import SIZE


def run(
    cases: Sequence[Case],
    skipped: Sequence[Skipped],
    judge: Judge,
    kept: Kept,
    *,
    closures: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
    quiet: bool = False,
) -> dict[str, Any]:
    """Score every clip, and put the whole together.

    Args:
        cases: what can be scored.
        skipped: what is known not to be.
        judge: of the videos.
        kept: results of an earlier run that stopped; new ones are added.
        closures: by clip, moments at which the lips have to be closed, in seconds of its sound.
        quiet: no progress bar. Clips that are skipped are named on stderr all the same.

    Returns:
        The metrics, ready for JSON; docs/evaluation.md describes them.

    Raises:
        InputError: if no clip can be scored.
    """
    out = list(skipped)
    for clip in out:
        _say(clip.clip, f"skipped: {clip.reason}")
    rows: list[Row] = []
    notes: list[dict[str, str]] = []
    expert = fingerprint(judge.expert)
    for case in tqdm(cases, "scoring", unit="clip", disable=quiet or None):
        try:
            result = _result(case, judge, kept, expert, closures.get(case.clip, ()))
        except InputError as error:
            out.append(Skipped(case.clip, " ".join(str(error).split())))
            _say(case.clip, f"skipped: {out[-1].reason}")
            continue
        named = {"group": case.group, "clip": case.clip}
        rows += [{**named, "method": m, **scores} for m, scores in result["scores"].items()]
        if result["note"]:
            notes.append({"clip": case.clip, "note": result["note"]})
            _say(case.clip, result["note"])
    if not rows:
        reason = f"; the first: {out[0].clip}: {out[0].reason}" if out else ""
        raise InputError(f"none of {len(out)} clips could be scored{reason}")
    return {
        "avfuse": __version__,
        "size": SIZE,
        "rows": summarise(rows),
        "clips": rows,
        "skipped": [clip._asdict() for clip in out],
        "notes": notes,
    }


def _result(
    case: Case, judge: Judge, kept: Kept, expert: str, closures: tuple[float, ...]
) -> dict[str, Any]:
    """The scores of a clip by method, and its note; kept ones where there are any."""
    key = digest(case.key, expert, closures)
    result: dict[str, Any] | None = kept.get(key)
    if result is None:
        shown = case.show(case.methods)
        scores = judge.scores(shown.target._replace(closures=closures), shown.videos)
        for method, quiet in shown.quiet.items():
            resting = judge.rest(shown.videos[method], quiet)
            scores[method] = scores[method]._replace(**resting)
        named = {method: _named(s) for method, s in scores.items()}
        result = {"scores": named, "note": shown.note}
        kept.add(key, result)
    return result


def _named(scores: Scores) -> dict[str, float | None]:
    """By name; what does not exist is None, since JSON knows no NaN."""
    return {k: float(v) if np.isfinite(v) else None for k, v in scores._asdict().items()}


def _say(clip: str, what: str) -> None:
    tqdm.write(f"avfuse: {clip}: {what}", file=sys.stderr)
