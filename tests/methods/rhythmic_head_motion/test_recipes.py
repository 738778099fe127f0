"""Every recipe of the method is read and built by the command line, and trains two steps."""

import pytest
import torch
import yaml

from avfuse.cli import main
from avfuse.data.synthetic import synthetic_clip
from avfuse.files.recipes import bundled_folder

ROOT = bundled_folder() / "papers" / "rhythmic_head_motion"
RECIPES = sorted(ROOT.rglob("*.yaml"))
STAGES = ("expression", "motion", "generator", "together")


def stage_of(recipe):
    return recipe.stem if recipe.parent == ROOT else recipe.parent.name


@pytest.fixture
def words(tmp_path, plan, monkeypatch):
    """Makes what turns a recipe into a training of two steps; an ablation's difference stays."""

    def short(seed, **options):
        return synthetic_clip(seed, **{"size": 64, "seconds": 0.48, **options})

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)

    def make(recipe):
        told = yaml.safe_load(recipe.read_text()).get("model", {})
        kept = told if recipe.stem != "small" else {}
        model = {k: v for k, v in plan.items() if k not in kept}
        data = {"batch": 2, "epoch": 4, "validation": 2, "frames": 10}
        if recipe.stem == "rhythmic":
            data |= {"people": 3, "voices": 1}
        else:
            data |= {"cache": tmp_path / "cache", "videos": "null", "labels": "null"}
            data |= {"unseen": "[]", "synthetic": 2, "workers": 0}
        if stage_of(recipe) in ("generator", "together"):
            model |= {"critic": [4, 4], "scales": 1}
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
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    state = torch.load(last, weights_only=True)
    assert state["global_step"] == (2 if stage_of(recipe) in ("expression", "motion") else 4)
    assert all(v.isfinite().all() for v in state["state_dict"].values())
