"""Cells in processes of their own, side by side."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

from tqdm import tqdm

from avfuse.ablation.plan import Cell, Plan

_EPOCH = re.compile(r"epoch (\d+) of (\d+)\n")
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} [{elapsed}<{remaining}]"


class Processes:
    """Processes that can be told to end all together."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []
        self._ending = False
        self._lock = threading.Lock()

    def start(self, words: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a program; what it says comes by lines.

        Raises:
            CancelledError: if all were told to end.
        """
        with self._lock:
            if self._ending:
                raise CancelledError
            process = subprocess.Popen(
                words,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
            )
            self._started.append(process)
            return process

    def end(self) -> None:
        """Tell those that run to end, and start no more."""
        with self._lock:
            self._ending = True
            for process in self._started:
                process.terminate()  # nothing, where it has ended


def run_cells(plan: Plan, cells: Sequence[Cell], jobs: int, *, quiet: bool) -> dict[str, str]:
    """Run the cells that are not done.

    Interrupted, it takes the cells that run with it; how far they came is kept.

    Args:
        plan: whose cells they are.
        cells: all of them.
        jobs: at a time, at most; they share the cores.
        quiet: no progress bar.

    Returns:
        Those that failed, by name, and why.
    """
    left = [cell for cell in cells if not cell.is_done(plan)]
    jobs = max(1, min(jobs, len(left)))
    failed: dict[str, str] = {}
    processes = Processes()
    with (
        tqdm(total=len(cells), desc="cells", bar_format=_BAR, disable=quiet or None) as bar,
        ThreadPoolExecutor(jobs) as pool,
    ):
        bar.update(len(cells) - len(left))
        try:
            running = [pool.submit(run_cell, plan, cell, jobs, bar, processes) for cell in left]
            for cell, future in zip(left, running, strict=True):
                if reason := future.result():
                    failed[cell.name] = reason
                    tqdm.write(f"avfuse: {cell.name} failed: {reason}", file=sys.stderr)
        except KeyboardInterrupt:
            processes.end()
            pool.shutdown(cancel_futures=True)
            raise
    return failed


def run_cell(
    plan: Plan, cell: Cell, jobs: int, bar: "tqdm[Any]", processes: Processes
) -> str | None:
    """Run one cell, its epochs counted on the bar; why it failed, if it did."""
    words = [sys.executable, "-m", "avfuse.ablation.cell", str(cell.folder), json.dumps(plan.test)]
    words += ["--stages", str(cell.stages)] if cell.stages > 1 else []
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore"}
    done = 0.0
    try:
        with cell.log.open("a") as log, processes.start(words, environment) as process:
            log.write(f"$ {shlex.join(words)}\n")
            for line in process.stdout or ():
                log.write(line)
                log.flush()
                if epoch := _EPOCH.fullmatch(line):
                    number, total = map(int, epoch.groups())
                    bar.update(number / total - done)
                    done = number / total
    except OSError as error:  # no room for what it says, or no memory for it to begin
        return str(error)
    finally:
        bar.update(1 - done)
    # Not by the exit code: Lightning's is 0 for a training that was told to end.
    return None if cell.is_done(plan) else _reason(cell, process.returncode)


def _reason(cell: Cell, code: int) -> str:
    """The signal that ended it, or the last thing it said."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    lines = [line.strip() for line in cell.log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")
