"""Processes of cells: what is said of them, what they share, and how they end."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from tqdm import tqdm

from avfuse.ablation.curve import FILE
from avfuse.ablation.plan import lay_out, read_plan
from avfuse.ablation.running import Processes, run_cell, run_cells

NUMBER = re.compile(r"process (\d+) on ")


@pytest.fixture
def cell(write_plan, tmp_path):
    return lay_out(read_plan(write_plan()), tmp_path / "out")[0]


@pytest.fixture
def instead(tmp_path, monkeypatch):
    """Runs a shell's words in place of a cell."""

    def run(words):
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\n{words}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return run


def test_the_bar_counts_what_was_done_before_and_a_killed_cell_is_said_to_be(
    cell, write_plan, instead
):
    instead("echo epoch 5 of 10; echo epoch 6 of 10; kill -KILL $$")
    with tqdm(total=1, file=io.StringIO()) as bar:
        assert run_cell(read_plan(write_plan()), cell, 1, bar, Processes()) == "ended by SIGKILL"
        assert bar.n == pytest.approx(1)


def test_a_cell_without_a_result_failed_whatever_its_exit_code(cell, write_plan, instead):
    instead("printf 'told to end, \\377\\n'; exit 0")
    with tqdm(total=1, file=io.StringIO()) as bar:
        assert "told to end" in run_cell(read_plan(write_plan()), cell, 1, bar, Processes())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_no_room_for_a_log_is_the_cells_failure_alone(write_plan, tmp_path, instead):
    instead("echo it speaks")
    plan = read_plan(write_plan())
    full, other = cells = lay_out(plan, tmp_path / "out")[:2]
    full.log.symlink_to("/dev/full")
    failed = run_cells(plan, cells, 1, quiet=True)
    assert "No space left on device" in failed[full.name]
    assert failed[other.name] == "it speaks"


def test_fewer_cells_than_jobs_share_all_cores(write_plan, tmp_path, instead, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    instead("echo $OMP_NUM_THREADS threads")
    plan = read_plan(write_plan())
    cells = lay_out(plan, tmp_path / "out")[:2]
    assert set(run_cells(plan, cells, 64, quiet=True).values()) == {"4 threads"}
    assert run_cells(plan, [], 64, quiet=True) == {}


def test_a_process_ends_when_told_and_none_is_started_after():
    processes = Processes()
    with processes.start(["sleep", "60"], os.environ) as process:
        processes.end()
    assert process.returncode == -signal.SIGTERM
    with pytest.raises(CancelledError):
        processes.start(["sleep", "60"], os.environ)


def test_sigterm_ends_the_cell_that_runs_and_no_other_begins(write_plan, tmp_path):
    plan = write_plan(recipe={"trainer": {"max_epochs": 100_000}})
    out = tmp_path / "out"
    words = ["ablate", f"--config={plan}", f"--output={out}", "--jobs=1", "--quiet"]
    command = [sys.executable, "-m", "avfuse.cli", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        while not list(out.rglob(FILE)):  # an epoch is done
            assert program.poll() is None
            time.sleep(0.05)
        (lock,) = out.glob("runs/*/*/.lock")
        number = int(NUMBER.search(lock.read_text())[1])
        program.terminate()
        _, said = program.communicate()
    assert program.returncode == 130
    assert said == "avfuse: interrupted; no file was left half written\n"
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    left = {path.name for path in lock.parent.rglob("*") if path.is_file()}
    assert left - {"last.ckpt"} == {".lock", "recipe.yaml", "log.txt", FILE}
    others = {path.name for path in out.glob("runs/*/*/*") if path.parent != lock.parent}
    assert others == {"recipe.yaml"}
