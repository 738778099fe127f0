"""Sweeps, as Weights & Biases takes them: its own schema, its own search, its own agent."""

import json
import math
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from lightning_utilities.core.imports import RequirementCache
from wandb.proto.wandb_internal_pb2 import Record
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args
from wandb.wandb_agent import Agent

from avfuse.cli import main
from avfuse.data.preprocess import cached_twins
from avfuse.files.recipes import recipe_file
from avfuse.fit.command import trainable

with warnings.catch_warnings():  # written for an older pydantic
    warnings.simplefilter("ignore")
    import sweeps
    from sweeps.config.cfg import schema_violations_from_proposed_config as violations

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "recipes" / "sweeps").glob("*.yaml"))
SMALL = ["--model.channels=[4, 4, 8, 8, 8]", "--model.blocks=null", "--model.audio_width=2"]


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def sweep(request):
    return yaml.safe_load(request.param.read_text())


@pytest.fixture(scope="module")
def strategies():
    return yaml.safe_load((ROOT / "recipes" / "sweeps" / "strategies.yaml").read_text())


@pytest.fixture(scope="module")
def grid(strategies):
    """All that W&B's own search would hand out; None says that it is through."""
    return [run.config for run in sweeps.next_runs(strategies, [], n=1000) if run is not None]


def test_there_are_sweeps():
    assert [path.stem for path in FILES] == ["kernels", "strategies"]


def test_fits_the_schema(sweep):
    assert violations(sweep) == []
    assert violations({**sweep, "method": "gird"})
    assert violations({**sweep, "stop": True})
    assert sweep["metric"] == {"name": "val/unseen/mouth_psnr", "goal": "maximize"}


def test_the_grid_is_every_combination_once(strategies, grid):
    counts = [len(parameter["values"]) for parameter in strategies["parameters"].values()]
    assert len({str(trial) for trial in grid}) == len(grid) == math.prod(counts)
    # A strategy that gets a recipe gets into the sweep.
    recipes = [f"fusion/{path.stem}" for path in (ROOT / "recipes" / "fusion").glob("*.yaml")]
    assert sorted(strategies["parameters"]["config"]["values"]) == sorted(recipes)


@pytest.fixture(scope="module")
def models(strategies, grid):
    """What trials build, and where they have random numbers begin: a trial, model and seed each.

    Every trial of the first seed, and of the others those of one strategy.
    """
    first = grid[0]
    return [
        (trial, _built(strategies, trial), torch.initial_seed())
        for trial in grid
        if trial["seed_everything"] == first["seed_everything"]
        or trial["config"] == first["config"]
    ]


def test_trials_of_the_grid_build_their_models(models):
    for trial, model, seed in models:
        wanted = {name: value["value"] for name, value in trial.items()}
        named = yaml.safe_load(recipe_file(wanted["config"]).read_text())["model"]["fusion"]
        name = named if isinstance(named, str) else named["class_path"]
        assert type(model.method.fusion).__name__ == name
        assert model.method.blend is wanted["model.blend"]
        assert seed == wanted["seed_everything"]


def test_strategies_are_compared_like_for_like(models):
    """Whatever their own recipes say of it, all hear as much, and see as much."""
    models = [model for _, model, seed in models if seed == 0]
    assert len(models) == 14  # seven strategies, with blending and without
    assert {model.hparams["mel_steps"] for model in models} == {24}
    fusions = [model.method.config["fusion"]["init_args"] for model in models]
    assert {made["rank"] for made in fusions if "rank" in made} == {24}
    for model in models:  # what they do not differ in by name or blending is the same
        assert model.method.config == {
            **models[0].method.config,
            "fusion": model.method.config["fusion"],
            "blend": model.method.blend,
        }


def test_the_search_over_kernels_builds_what_it_asks_for():
    kernels = yaml.safe_load((ROOT / "recipes" / "sweeps" / "kernels.yaml").read_text())
    for _ in range(4):
        trial = sweeps.next_run(kernels, []).config
        wanted = {name: value["value"] for name, value in trial.items()}
        model = _built(kernels, trial)
        made = model.method.config["fusion"]["init_args"]
        for name in ("rank", "layers", "kernel_size", "bottleneck"):
            assert made[name] == yaml.safe_load(str(wanted[f"model.fusion.{name}"]))
        assert model.hparams["rate"] == pytest.approx(wanted["model.rate"])


def test_the_agent_runs_a_trial(
    strategies, tiny_training, tiny_cache, tmp_path, monkeypatch, capfd
):
    """As it would one of the other sweep, whose trials are put into words by the same code."""
    sweep = strategies
    cached_twins(2, 0, tiny_cache)  # here, where procedural faces are tiny
    trial = json.loads(json.dumps(sweeps.next_run(sweep, []).config))  # as the server sends it
    agent = _agent({**sweep, "command": sweep["command"] + tiny_training}, tmp_path, monkeypatch)
    agent._command_run({"run_id": "trial", "program": sweep["program"], "args": trial})
    assert agent._run_processes["trial"].wait(timeout=600) == 0, capfd.readouterr().err
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*-trial")
    said = list(_records(folder / "run-trial.wandb"))
    config = {u.key: json.loads(u.value_json) for r in said for u in r.config.update}
    assert config["model"]["channels"] == [4, 4, 8, 8, 8]
    assert config["model"]["fusion"]["class_path"].rpartition(".")[2] == config["fusion"].split()[0]
    logged = {"/".join(i.nested_key) or i.key for r in said for i in r.history.item}
    assert sweep["metric"]["name"] in logged
    for kind, name, suffix in (("images", "unseen", "png"), ("videos", "unseen_clip", "mp4")):
        assert list((folder / "files" / "media" / kind / "samples").glob(f"{name}_*.{suffix}"))
    assert {r.run.git.commit for r in said if r.HasField("run")} == {_commit()}
    # What is not W&B's lies in a folder of the run's own.
    own = tmp_path / "run" / "avfuse" / "trial"
    assert {path.name for path in own.iterdir()} == {"checkpoints", "config.yaml", "samples"}


def test_without_wandb_one_line_says_what_to_install(monkeypatch, tiny_training, capsys):
    absent = RequirementCache("wandb>=1000")
    monkeypatch.setattr("lightning.pytorch.loggers.wandb._WANDB_AVAILABLE", absent)
    recipes = ["--config=bundled", "--config=loggers/wandb"]
    assert main(["fit", *recipes, *tiny_training]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "avfuse: WandbLogger needs wandb; pip install 'avfuse[wandb]'"


def _agent(sweep, folder, monkeypatch):
    """W&B's own, without the server that hands out trials; it sets what it finds here."""
    for name, value in {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "offline",
        "WANDB_RUN_ID": "",
        "WANDB_SWEEP_ID": "sweep",
        "WANDB_SWEEP_PARAM_PATH": "",
    }.items():
        monkeypatch.setenv(name, value)
    agent = Agent(None, None)
    agent._sweep_command = sweep["command"]
    return agent


def _records(path):
    """What an offline run would tell the server: LevelDB's log format after a header of 7 bytes."""
    content, at, record = path.read_bytes(), 7, b""
    while at < len(content):
        left = 32768 - at % 32768  # of a block; a rest too short for a head is padding
        if left >= 7:
            size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
            record += content[at + 7 : at + 7 + size]
            left = 7 + size
            if kind in (1, 4):  # whole, or the last part
                yield Record.FromString(record)
                record = b""
        at += left


def _commit():
    """Of the repository; empty where the tests run from a copy without its history."""
    command = ["git", "-c", "safe.directory=*", "rev-parse", "HEAD"]
    if shutil.which("git") is None:
        return ""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def _command(sweep, trial):
    """The words after the program, as the agent puts them together."""
    arguments = create_sweep_command_args({"args": trial})["args"]
    words = sweep["command"]
    assert words[:2] == ["${env}", "${program}"]
    return [w for word in words[2:] for w in (arguments if word == "${args}" else [word])]


def _built(sweep, trial):
    verb, *words = _command(sweep, trial)
    assert verb == "fit"
    _, model, _ = trainable([*words, *SMALL])
    return model
