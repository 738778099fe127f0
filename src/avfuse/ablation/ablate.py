"""The whole ablation, top to bottom: plan -> cells, side by side -> summary -> files."""

import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from avfuse import __version__
from avfuse.ablation.plan import Cell, Plan, lay_out, read_plan
from avfuse.ablation.report import report
from avfuse.ablation.summary import summarise
from avfuse.ablation.table import tables
from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.module import TalkingFace
from avfuse.training import trainable
from avfuse.whole import write_whole

_EPOCH = re.compile(r"epoch (\d+) of (\d+)\n")
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} [{elapsed}<{remaining}]"
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
        quiet: no progress bar.

    Returns:
        What is in `results.json`.

    Raises:
        InputError: for a plan that cannot be run, before anything is trained; or if every cell
            failed.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; at least one is needed")
    plan = read_plan(config)
    cells = lay_out(plan, output)
    _check([cell for cell in cells if not cell.is_done(plan)])
    failed = _run(plan, cells, jobs or _jobs(), quiet=quiet)
    done = [cell for cell in cells if cell.is_done(plan)]
    if not done:
        first = cells[0]
        raise InputError(
            f"no cell could be run; the first: {failed[_name(first)]}; see {first.log}"
        )
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


def _check(cells: Sequence[Cell]) -> None:
    """Build every variant that is left once, and fetch the data that they share."""
    for name in ("lightning.pytorch", "lightning.fabric"):  # what they say, the cells' logs say
        logging.getLogger(name).setLevel(logging.ERROR)
    for variant, cell in {cell.variant: cell for cell in cells}.items():
        try:
            data = _data(cell)
            data.prepare_data()
            data.setup()
            if not data.held:
                raise InputError("no clip is held back to test on; see data.held_back")
        except InputError as error:
            raise InputError(f"variant {variant!r}: {error}") from error


def _data(cell: Cell) -> TalkingClips:
    """Build what a cell would train; its data."""
    _, module, data = trainable([f"--config={cell.folder / 'recipe.yaml'}"])
    if not isinstance(module, TalkingFace):
        name = type(module).__name__
        raise InputError(f"{name} does not work frame by frame; use avfuse fit for it")
    return data


def _run(plan: Plan, cells: Sequence[Cell], jobs: int, *, quiet: bool) -> dict[str, str]:
    """Run the cells that are not done; those that failed, and why."""
    left = [cell for cell in cells if not cell.is_done(plan)]
    jobs = max(1, min(jobs, len(left)))
    failed: dict[str, str] = {}
    with (
        tqdm(total=len(cells), desc="cells", bar_format=_BAR, disable=quiet or None) as bar,
        ThreadPoolExecutor(jobs) as pool,
    ):
        bar.update(len(cells) - len(left))
        try:
            running = [(cell, pool.submit(_run_cell, plan, cell, jobs, bar)) for cell in left]
            for cell, future in running:
                if reason := future.result():
                    failed[_name(cell)] = reason
                    tqdm.write(f"avfuse: {_name(cell)} failed: {reason}", file=sys.stderr)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return failed


def _run_cell(plan: Plan, cell: Cell, jobs: int, bar: "tqdm[Any]") -> str | None:
    """Run one cell in a process of its own; why it failed, if it did."""
    words = [sys.executable, "-m", "avfuse.ablation.cell", str(cell.folder), json.dumps(plan.test)]
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore"}
    done = 0.0
    with (
        cell.log.open("a") as log,
        subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        ) as process,
    ):
        log.write(f"$ {shlex.join(words)}\n")
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            if epoch := _EPOCH.fullmatch(line):
                number, total = map(int, epoch.groups())
                bar.update(number / total - done)
                done = number / total
    bar.update(1 - done)
    # Not by the exit code: Lightning's is 0 for a training that was told to end.
    return None if cell.is_done(plan) else _reason(cell.log, process.returncode)


def _reason(log: Path, code: int) -> str:
    """The signal that ended it, or the last thing it said."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")


def _name(cell: Cell) -> str:
    return f"{cell.variant}, seed {cell.seed}"
