"""The whole ablation, top to bottom: plan -> cells, side by side -> summary -> files."""

import io
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

import torch

from avfuse import __version__
from avfuse.ablation.lock import locked
from avfuse.ablation.plan import Cell, Plan, lay_out, read_plan
from avfuse.ablation.report import report
from avfuse.ablation.running import run_cells
from avfuse.ablation.summary import summarise
from avfuse.ablation.table import tables
from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.evaluation.evaluate import PROTOCOLS
from avfuse.files.recipes import built_on, in_words
from avfuse.files.whole import write_whole
from avfuse.fit.command import trainable

_MOST = 4  # cells at a time, unless asked for more: each holds a network and its data


def ablate(
    config: Path, output: Path, *, jobs: int | None = None, quiet: bool = False
) -> dict[str, Any]:
    """Train and test every variant with every seed, and say how they compare.

    What is done is kept in `output`, every cell in its folder; a run that was stopped goes on from
    there when it is given again, within a cell too. A cell that fails does not end the others.

    Args:
        config: the plan; docs/ablations.md describes it.
        output: folder for `results.json`, `results.md`, `report.html` and the cells.
        jobs: cells at a time; None is one for a GPU, otherwise one a core, four at most. Cells
            share the cores.
        quiet: no progress bar, no line on standard error that names what was read.

    Returns:
        What is in `results.json`.

    Raises:
        InputError: for a plan that cannot be run, or where another process works in `output`,
            before anything is trained; or if every cell failed.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; at least one is needed")
    plan = read_plan(config)
    with locked(output):
        cells = lay_out(plan, output)
        with redirect_stderr(io.StringIO()) if quiet else nullcontext():  # what data says of itself
            _check(plan, [cell for cell in cells if not cell.is_done(plan)])
        if not quiet:
            print(f"avfuse: recipe: {in_words([*built_on(config), config])}", file=sys.stderr)
        failed = run_cells(plan, cells, jobs or _jobs(), quiet=quiet)
        return _summed_up(plan, cells, failed, output)


def _summed_up(
    plan: Plan, cells: Sequence[Cell], failed: Mapping[str, str], output: Path
) -> dict[str, Any]:
    """Compare the cells that are done, and write the files that say how."""
    done = [cell for cell in cells if cell.is_done(plan)]
    if not done:
        first = cells[0]
        raise InputError(f"no cell could be run; the first: {failed[first.name]}; see {first.log}")
    results = [json.loads(cell.result.read_text()) for cell in done]
    summary = {
        "avfuse": __version__,
        "title": plan.title,
        "protocol": plan.protocol,
        **summarise(plan, done, results),
        "failed": [{"cell": name, "reason": reason} for name, reason in failed.items()],
    }
    write_whole(output / "report.html", report(summary, done))
    write_whole(output / "results.md", tables(summary))
    write_whole(output / "results.json", json.dumps(summary, indent=2, allow_nan=False) + "\n")
    return summary


def _jobs() -> int:
    return 1 if torch.cuda.is_available() else min(_MOST, os.cpu_count() or 1)


def _check(plan: Plan, cells: Sequence[Cell]) -> None:
    """Build every variant that is left once, and fetch the data that they share."""
    for name in ("lightning.pytorch", "lightning.fabric"):  # what they say, the cells' logs say
        logging.getLogger(name).setLevel(logging.ERROR)
    for variant, cell in {cell.variant: cell for cell in cells}.items():
        try:
            for folder in cell.trainings:
                data = _data(plan, folder, first=folder == cell.trainings[0])
                data.prepare_data()
                data.setup()
            if not data.held:
                raise InputError("no clip is held back to test on; see data.held_back")
        except InputError as error:
            raise InputError(f"variant {variant!r}: {error}") from error


def _data(plan: Plan, folder: Path, *, first: bool) -> TalkingClips:
    """Build what would be trained, and see whether it can be tested; its data."""
    # What a stage starts from is not there yet.
    unborn = [] if first else ["--model.weights=null"]
    _, module, data = trainable([f"--config={folder / 'recipe.yaml'}", *unborn], alone=True)
    protocol = PROTOCOLS[plan.protocol]
    protocol.check(module.method)
    if plan.translation and not module.method.footage:
        raise InputError("the translation test moves footage, and this method shows a still")
    return data
