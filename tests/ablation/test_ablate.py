"""The whole of it: cells in processes of their own, resumed, failing alone."""

import json

import pytest
import torch

from avfuse.ablation import cell as cell_module
from avfuse.ablation.ablate import ablate
from avfuse.ablation.cell import MODEL
from avfuse.ablation.curve import FILE, Curve
from avfuse.ablation.plan import lay_out, read_plan
from avfuse.cli import main
from avfuse.errors import InputError
from avfuse.evaluation.score import Scores
from avfuse.model_file import load


def run_cell(folder):
    test = {"protocol": "dubbing", "clips": 1, "translation": [0.0, 0.2]}
    cell_module.main([str(folder), json.dumps(test)])


@pytest.fixture
def cell(write_plan, tmp_path):
    return lay_out(read_plan(write_plan()), tmp_path / "out")[0]


def test_a_cell_trains_and_tests(cell):
    run_cell(cell.folder)
    result = json.loads(cell.result.read_text())
    assert [row["method"] for row in result["rows"]] == ["truth", "copy input", "model"]
    assert result["rows"][2].keys() > set(Scores._fields)
    assert [line["epoch"] for line in result["curve"]] == [0, 1]
    # Where the face is not moved, the translation test scores what the table scores.
    assert result["translation"][0] == pytest.approx(result["rows"][2]["over_copy"], abs=1e-3)
    pictures = {path.name for path in cell.folder.glob("*.jpg")}
    assert pictures == {f"procedural-{n}.jpg" for n in ("truth", "given", "made", "mask")}
    assert not list(cell.folder.rglob("*.ckpt"))  # once trained, nobody goes on from there


def test_a_cell_that_was_stopped_goes_on_where_it_was(cell, monkeypatch):
    trained = []
    write = Curve.on_validation_end

    def stop_in_the_second_epoch(self, trainer, module):
        if trainer.current_epoch == 1 and not trained:
            trained.append(True)
            raise ConnectionError
        write(self, trainer, module)

    monkeypatch.setattr(Curve, "on_validation_end", stop_in_the_second_epoch)
    with pytest.raises(ConnectionError):
        run_cell(cell.folder)
    assert not (cell.folder / MODEL).exists()
    run_cell(cell.folder)
    lines = (cell.folder / FILE).read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1]  # the first not once more


def test_a_cell_that_was_stopped_before_its_model_was_written_keeps_the_averaged_weights(
    cell, monkeypatch
):
    def full(*_):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(cell_module, "save", full)
        with pytest.raises(ConnectionError):
            run_cell(cell.folder)
    checkpoint = torch.load(cell.folder / "checkpoints" / "last.ckpt", weights_only=True)
    averaged, raw = checkpoint["state_dict"], checkpoint["current_model_state"]
    run_cell(cell.folder)
    saved = load(cell.folder / MODEL).state_dict()
    names = [n for n, v in saved.items() if v.is_floating_point()]
    for name in names:
        torch.testing.assert_close(saved[name], averaged[f"method.{name}"], atol=1e-3, rtol=1e-3)
    assert any((raw[f"method.{n}"] - saved[n]).abs().max() > 1e-2 for n in names)


def test_a_trained_cell_is_only_tested(cell, monkeypatch):
    run_cell(cell.folder)
    before = load(cell.folder / MODEL).state_dict()
    cell.result.unlink()
    monkeypatch.setattr("lightning.Trainer.fit", lambda *_, **__: pytest.fail("trained again"))
    run_cell(cell.folder)
    assert cell.result.exists()
    after = load(cell.folder / MODEL).state_dict()
    assert all(torch.equal(v, after[k]) for k, v in before.items())


def test_a_cell_that_was_tested_otherwise_is_tested_again(cell, write_plan):
    plan = read_plan(write_plan())
    assert not cell.is_done(plan)
    cell.result.write_text(json.dumps({"test": plan.test}))
    assert cell.is_done(plan)
    assert not cell.is_done(read_plan(write_plan(clips=2)))


def test_the_whole_with_one_variant_that_fails(write_plan, tmp_path, capsys):
    """A number of workers that cannot be is found out in training only."""
    broken = {"model": {"fusion": "NoFusion"}, "data": {"workers": -1}}
    plan = write_plan(seeds=[0], variants={"broken": broken})
    out = tmp_path / "out"
    assert main(["ablate", f"--config={plan}", f"--output={out}"]) == 1
    said = capsys.readouterr()
    assert "broken, seed 0 failed" in said.err
    summary = json.loads((out / "results.json").read_text())
    assert [row["method"] for row in summary["rows"]] == ["truth", "copy input", "hears", "deaf"]
    assert [f["cell"] for f in summary["failed"]] == ["broken, seed 0"]
    assert (out / "results.md").read_text() in said.out
    assert "broken, seed 0" in (out / "report.html").read_text()
    # Again: what is done stays done, what failed is tried again.
    times = {p: p.stat().st_mtime_ns for p in out.rglob("result.json")}
    assert main(["ablate", f"--config={plan}", f"--output={out}", "--quiet"]) == 1
    assert capsys.readouterr().err.count("\n") == 1  # that it failed
    assert {p: p.stat().st_mtime_ns for p in out.rglob("result.json")} == times


def test_a_plan_that_holds_nothing_back_is_refused_before_it_trains(write_plan, tmp_path, capsys):
    plan = write_plan(recipe={"data": {"held_back": 0}})
    assert main(["ablate", f"--config={plan}", f"--output={tmp_path / 'out'}"]) == 2
    assert "no clip is held back" in capsys.readouterr().err
    assert not list(tmp_path.rglob("curve.jsonl"))


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ({"model": {"fusion": "Telepathy"}}, "Telepathy is no fusion strategy"),
        ({"model": {"fusion": "NoFusion", "channels": [-1]}}, "positive channels"),
        ({"model": {"fusion": "NoFusion", "flavour": 1}}, "flavour"),
        ({"model": {"size": 32}}, "fusion"),
        ({"model": {"fusion": "NoFusion"}, "data": {"frames": 27}}, "no clip has 27 frames"),
    ],
)
def test_a_variant_that_cannot_be_built_is_said_before_anything_trains(
    write_plan, tmp_path, variant, said, capsys
):
    plan = write_plan(variants={"wrong": variant})
    assert main(["ablate", f"--config={plan}", f"--output={tmp_path / 'out'}"]) == 2
    error = capsys.readouterr().err
    assert "variant 'wrong'" in error
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("curve.jsonl"))


def test_jobs_are_counted(write_plan, tmp_path):
    with pytest.raises(InputError, match="jobs is 0"):
        ablate(write_plan(), tmp_path / "out", jobs=0)


def test_an_output_that_is_a_file_is_refused(write_plan, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert main(["ablate", f"--config={write_plan()}", f"--output={tmp_path / 'out'}"]) == 2
    assert (tmp_path / "out").read_text() == "mine"
