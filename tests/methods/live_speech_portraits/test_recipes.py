"""Every recipe of the method is read and built by the command line, and trains two steps."""

import pytest
import torch
import yaml

from avfuse.cli import main
from avfuse.data.preprocess import find_videos
from avfuse.files.recipes import bundled_folder
from avfuse.methods.live_speech_portraits.take import write_take
from avfuse.methods.live_speech_portraits.tracked import takes_folder

ROOT = bundled_folder() / "papers" / "live_speech_portraits"
RECIPES = sorted(ROOT.rglob("*.yaml"))
STAGES = ("speech", "mouth", "pose", "renderer")


def stage_of(recipe):
    return recipe.stem if recipe.parent == ROOT else recipe.parent.name


@pytest.fixture(scope="module")
def filmed(tmp_path_factory, takes):
    """A folder of footage that was tracked already, and the cache where that is kept."""
    videos, cache = tmp_path_factory.mktemp("videos"), tmp_path_factory.mktemp("cache")
    (videos / "one.mp4").write_bytes(b"a film")
    folder = takes_folder(find_videos(videos), cache, 64)
    folder.mkdir(parents=True)
    for number, take in enumerate(takes):
        write_take(take, folder / f"one-{number}.safetensors")
    (folder / "complete").touch()
    return videos, cache


@pytest.fixture(scope="module")
def speakers(tmp_path_factory, made):
    """Recordings of noise; one of them is held back."""
    folder = tmp_path_factory.mktemp("speech")
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0)).numpy() * 0.05
    for number in range(12):
        made.speech(folder / f"{number}.wav", noise)
    return folder


@pytest.fixture
def words(tmp_path, plan, filmed, speakers):
    """Makes what turns a recipe into a training of two steps; an ablation's difference stays."""

    def make(recipe):
        stage = stage_of(recipe)
        told = yaml.safe_load(recipe.read_text()).get("model", {})
        kept = told if recipe.stem not in ("small", "person") else {}
        model = {k: v for k, v in plan.items() if k not in kept}
        model |= {"speech_width": 128} if "representation" in told else {}  # the shipped one's
        data = {"batch": 2, "epoch": 2}
        if stage == "speech":
            data |= {"recordings": [str(speakers)], "seconds": 0.5, "validation": 1}
        else:
            videos, cache = filmed
            data |= {"videos": videos, "cache": cache, "labels": "null", "least": 5}
        data |= {"frames": 60} if stage in ("mouth", "pose") else {}
        model |= {"critic": [4, 4], "scales": 1} if stage == "renderer" else {}
        trainer = {
            "accelerator": "cpu",
            "max_epochs": 1,
            "enable_progress_bar": "false",
            "enable_model_summary": "false",
            "logger.init_args.save_dir": tmp_path / "run",
        }
        parts = {"model": model, "data": data, "trainer": trainer}
        return [f"--{part}.{k}={v}" for part, options in parts.items() for k, v in options.items()]

    return make


def test_there_is_one_a_stage():
    assert {stage_of(recipe) for recipe in RECIPES} == set(STAGES)


@pytest.mark.parametrize("recipe", RECIPES, ids=[str(p.relative_to(ROOT)) for p in RECIPES])
def test_trains_two_steps(recipe, words, tmp_path, capsys):
    assert main(["fit", f"--config={recipe}", *words(recipe)]) == 0
    last, best = (next((tmp_path / "run").rglob(f"{name}.ckpt")) for name in ("last", "best"))
    state = torch.load(last, weights_only=True)
    adversaries = stage_of(recipe) == "renderer"
    assert state["global_step"] == (4 if adversaries else 2)
    assert all(v.isfinite().all() for v in state["state_dict"].values())
    assert best.stat().st_size > 0  # what is monitored is there


def test_stages_go_on_from_each_other(words, tmp_path, capsys):
    """What an ablation changes in a stage need not stand in those before it."""
    before = "null"
    for stage in STAGES:
        recipe = ROOT / f"{stage}.yaml"
        more = ["--model.pose_network=lstm"] if stage in ("pose", "renderer") else []
        more += ["--model.ahead=3"] if stage != "speech" else []
        more += ["--model.residuals=0"] if stage == "renderer" else []
        there = f"--trainer.logger.init_args.save_dir={tmp_path / stage}"
        given = [*words(recipe), f"--model.weights={before}", there, *more]
        assert main(["fit", f"--config={recipe}", *given]) == 0
        before = next((tmp_path / stage).rglob("last.ckpt"))
    assert main(["export", str(before), str(tmp_path / "anna.safetensors")]) == 0


def test_a_network_that_was_trained_is_not_exchanged(words, tmp_path, capsys):
    recipe = ROOT / "pose.yaml"
    assert main(["fit", f"--config={recipe}", *words(recipe)]) == 0
    before = next((tmp_path / "run").rglob("last.ckpt"))
    more = [f"--model.weights={before}", "--model.pose_network=lstm"]
    assert main(["fit", f"--config={recipe}", *words(recipe), *more]) == 2
    assert 'pose_network is "convolutions", here "lstm"' in capsys.readouterr().err
