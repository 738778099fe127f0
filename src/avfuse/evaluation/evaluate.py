"""The whole evaluation, top to bottom: clips -> videos -> scores -> summary -> files."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from avfuse.data.preprocess import Source, folders_of, source_clips
from avfuse.data.split import split
from avfuse.errors import InputError
from avfuse.evaluation.case import Case, Skipped
from avfuse.evaluation.closures import closures
from avfuse.evaluation.dubbing import DUBBING
from avfuse.evaluation.first_frame import FIRST_FRAME
from avfuse.evaluation.folders import file_pairs
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.kept import Kept
from avfuse.evaluation.report import report as report_page
from avfuse.evaluation.run import run
from avfuse.evaluation.score import Judge
from avfuse.evaluation.sheet import contact_sheet
from avfuse.evaluation.spoken import MODEL, name_of, spoken_clips
from avfuse.evaluation.videos import VIDEOS, video_clips
from avfuse.files.whole import write_whole
from avfuse.model_file import DEFAULT, load
from avfuse.runtime.device import device_named
from avfuse.video.picture import write_picture

PROTOCOLS = {protocol.name: protocol for protocol in (FIRST_FRAME, DUBBING)}
"""Protocols for models on cached clips, by name; `videos` is one beside them."""


def evaluate_models(
    clips: Path | Sequence[Path],
    output: Path,
    *,
    models: Sequence[str | os.PathLike[str]] = (DEFAULT,),
    protocol: str = FIRST_FRAME.name,
    beside: Mapping[str, Path] = MappingProxyType({}),
    labels: Path | Sequence[Path | None] | None = None,
    cache: Path = Path(".cache/clips"),
    unseen: Collection[str] = (),
    held_back: int = 0,
    apart: Mapping[str, Collection[str]] = MappingProxyType({}),
    closure: bool = False,
    rest: bool = False,
    device: str = "auto",
    report: Path | None = None,
    sheet: Path | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Score models on clips by a protocol.

    While it runs, what is done is kept beside the output, in `<output>.part`; a run that was
    stopped goes on from there when it is given again.

    Args:
        clips: folder of videos with sound, or several.
        output: JSON to write.
        models: bundled models' names, or model files, of any methods. One alone is called `model`
            in the table; several are called by their files' names.
        protocol: `first-frame`, `dubbing`, or `videos`.
        beside: with `videos`, folders of what other systems made of the same clips, by the systems'
            names.
        labels: folder of landmarks; None where they lie beside the videos, or there are none. One
            for all folders, or as many.
        cache: where cropped clips are kept.
        unseen: speakers, or clips as `speaker/clip`, that training never saw.
        held_back: every n-th clip of the others was held back too. Without `unseen`, `held_back`
            and `apart` all clips are scored, as one group.
        apart: more of what training never saw, as `unseen`, each a group of its own, by its name.
        closure: listen for moments at which the lips have to be closed, and score them there too.
        rest: let the models hear rooms in which nobody speaks, and score how far mouths rest.
        device: auto, cpu or cuda.
        report: HTML to write.
        sheet: picture to write, .png or .jpg: the first three clips of each group.
        quiet: no progress bar.

    Returns:
        What is in the JSON; docs/evaluation.md describes it.

    Raises:
        InputError: for input that cannot be used, in one line; a single clip that cannot is
            skipped, and listed in the result.
    """
    known = (*PROTOCOLS, VIDEOS)
    if protocol not in known:
        raise InputError(f"protocol {protocol!r} is unknown; expected {', '.join(known)}")
    if beside and protocol != VIDEOS:
        raise InputError(f"other systems' videos go with --protocol {VIDEOS}")
    if rest and protocol == VIDEOS:
        raise InputError(f"rest goes with --protocol {' or '.join(PROTOCOLS)}")
    used = device_named(device)
    judged = _judged(models, used, beside)
    folders = folders_of(clips, labels)
    sources = [source for folder in folders for source in source_clips(*folder, cache)]
    groups = _groups(sources, unseen, held_back, apart)
    videos = {name_of(source.clip): source.video for part in groups.values() for source in part}
    heard = closures(videos, quiet=quiet) if closure else {}
    cases: Sequence[Case]
    if protocol == VIDEOS:
        cases, skipped = video_clips(groups, judged, beside)
    else:
        cases, skipped = spoken_clips(groups, judged, PROTOCOLS[protocol], rest=rest, quiet=quiet)
    head = {"protocol": protocol, "model": ", ".join(map(str, models))}
    return _evaluate(head, cases, skipped, heard, output, used, report, sheet, quiet=quiet)


def _judged(
    models: Sequence[str | os.PathLike[str]], device: str, others: Collection[str]
) -> list[Judged]:
    """The models, each with a row of a name of its own."""
    names = [MODEL] if len(models) == 1 else [Path(model).stem for model in models]
    rows = [*names, *others]
    if double := next((name for name in rows if rows.count(name) > 1), None):
        raise InputError(f"two rows would be called {double!r}; give the files names that differ")
    loaded = [load(model, device) for model in models]
    return [Judged(method, name) for method, name in zip(loaded, names, strict=True)]


def evaluate_folders(
    generated: Path,
    reference: Path,
    output: Path,
    *,
    closure: bool = False,
    device: str = "auto",
    report: Path | None = None,
    sheet: Path | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Score videos that any system made against the true ones of the same names.

    Args:
        generated: folder of what was made, any container.
        reference: folder of what was filmed; its faces are tracked, its sound is the true one.
        output: JSON to write; goes on where it was stopped, as `evaluate_models` does.
        closure: as for `evaluate_models`.
        device: auto, cpu or cuda.
        report: HTML to write.
        sheet: picture to write, .png or .jpg.
        quiet: no progress bar.

    Returns:
        What is in the JSON.

    Raises:
        InputError: if nothing can be compared.
    """
    cases, alone = file_pairs(generated, reference)
    head = {"protocol": "folders", "generated": str(generated), "reference": str(reference)}
    used = device_named(device)
    videos = {case.clip: case.reference for case in cases}
    heard = closures(videos, quiet=quiet) if closure else {}
    return _evaluate(head, cases, alone, heard, output, used, report, sheet, quiet=quiet)


def _evaluate(
    head: dict[str, str],
    cases: Sequence[Case],
    skipped: Sequence[Skipped],
    heard: Mapping[str, tuple[float, ...]],
    output: Path,
    device: str,
    report: Path | None,
    sheet: Path | None,
    *,
    quiet: bool,
) -> dict[str, Any]:
    kept = Kept(output.with_name(f"{output.name}.part"))
    scored_by = Judge(device)
    metrics = {**head, **run(cases, skipped, scored_by, kept, closures=heard, quiet=quiet)}
    scored = {(row["group"], row["clip"]) for row in metrics["clips"]}
    usable = [case for case in cases if (case.group, case.clip) in scored]
    if report is not None:
        write_whole(report, report_page(metrics, usable))
    if sheet is not None:
        write_picture(sheet, contact_sheet(usable))
    write_whole(output, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    kept.remove()
    return metrics


def _groups(
    sources: Sequence[Source],
    unseen: Collection[str],
    held_back: int,
    apart: Mapping[str, Collection[str]],
) -> dict[str, list[Source]]:
    """All clips, or those that training did not see, by why it did not."""
    named = {**({"unseen": unseen} if unseen else {}), **apart}
    if not named and not held_back:
        return {"all": list(sources)}
    by_clip = {source.clip: source for source in sources}
    kept = {name for names in named.values() for name in names}
    parts = {"seen": split(list(by_clip), kept, held_back)["seen"]}
    parts |= {name: split(list(by_clip), set(of), 0)["unseen"] for name, of in named.items()}
    groups = {name: [by_clip[clip] for clip in part] for name, part in parts.items() if part}
    if not groups:
        raise InputError("no clip is held back; name some by --unseen, --group or --held-back")
    return groups
