"""One process at a time in a folder, and what another is told."""

import errno
import json
import os
import subprocess
import sys

import pytest

from avfuse.ablation import cell as cell_module
from avfuse.ablation.lock import locked
from avfuse.ablation.plan import lay_out, read_plan
from avfuse.cli import main
from avfuse.errors import InputError

HOLD = """
import sys
from pathlib import Path
from avfuse.ablation.lock import locked
with locked(Path(sys.argv[1])):
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other():
    """Another process that works in a folder."""
    started = []

    def hold(folder):
        command = [sys.executable, "-c", HOLD, str(folder)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"there\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_the_other_process_is_named(other, tmp_path):
    folder = tmp_path / "new" / "folder"
    process = other(folder)
    says = f"{folder} is in use by process {process.pid} on "
    with pytest.raises(InputError, match=says), locked(folder):
        pytest.fail("let in")


@pytest.mark.parametrize("end", ["communicate", "kill"])
def test_who_ended_holds_nothing_however_it_did(other, tmp_path, end):
    process = other(tmp_path)
    getattr(process, end)()
    process.wait()
    with locked(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="locks otherwise")
def test_a_drive_without_locks_is_worked_on_with_a_warning(tmp_path, monkeypatch, caplog):
    """As some network drives are: NFS without lockd, Lustre mounted without flock."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.lockf", refuse)
    with locked(tmp_path):
        pass
    assert f"{tmp_path} cannot be locked ({os.strerror(errno.ENOLCK)})" in caplog.text


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="cannot be written"),
        locked(tmp_path / "file" / "folder"),
    ):
        pytest.fail("let in")


def test_two_ablations_in_one_place(other, write_plan, tmp_path, capsys):
    out = tmp_path / "out"
    process = other(out)
    assert main(["ablate", f"--config={write_plan()}", f"--output={out}"]) == 2
    said = capsys.readouterr().err
    assert f"is in use by process {process.pid}" in said
    assert said.count("\n") == 1
    assert [path.name for path in out.iterdir()] == [".lock"]


def test_a_cell_that_outlived_its_ablation_is_not_run_twice(other, write_plan, tmp_path):
    cell = lay_out(read_plan(write_plan()), tmp_path / "out")[0]
    process = other(cell.folder)
    with pytest.raises(InputError, match=f"is in use by process {process.pid}"):
        cell_module.main([str(cell.folder), "{}"])
    assert not (cell.folder / "curve.jsonl").exists()


def test_further_processes_of_one_training_are_let_in(other, write_plan, tmp_path, monkeypatch):
    """They are begun in the same words as the first, which holds the place for them."""
    plan = read_plan(write_plan(translation=[]))
    cell = lay_out(plan, tmp_path / "out")[0]
    other(cell.folder)
    monkeypatch.setenv("LOCAL_RANK", "1")
    cell_module.main([str(cell.folder), json.dumps(plan.test)])
    assert cell.is_done(plan)
