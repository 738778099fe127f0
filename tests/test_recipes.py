"""Every recipe is read and built by the command line, and trains two steps."""

from pathlib import Path

import pytest
import torch
import yaml

from avfuse.cli import main

ROOT = Path(__file__).parents[1] / "recipes"
# What stands in these trains another module, by its own command, or is no recipe by itself: see
# tests/experts, tests/test_sweeps.py, tests/ablation; or other data, tests/methods.
OWN = ("live_speech_portraits", "rhythmic_head_motion")
APART = {"ablations", "faces", "loggers", "metrics", "speech", "sweeps", *OWN}
RECIPES = sorted(p for p in ROOT.rglob("*.yaml") if not APART & {*p.relative_to(ROOT).parts[:-1]})
APART_TOO = sorted(p for name in OWN for p in (ROOT / "papers" / name).rglob("*.yaml"))


def test_there_are_recipes():
    assert ROOT / "base.yaml" in RECIPES
    assert ROOT / "bundled.yaml" in RECIPES


@pytest.mark.parametrize("recipe", RECIPES, ids=[str(p.relative_to(ROOT)) for p in RECIPES])
def test_trains_two_steps(recipe, tmp_path, tiny_training, wav2lip, capsys):
    whole = yaml.safe_load(recipe.read_text())
    told = whole.get("model", {})
    critic = told.get("adversarial") != 0 and "expression" not in (recipe.stem, recipe.parent.name)
    words = ["fit", f"--config={recipe}", *tiny_training]
    if not critic:  # nor does it know when one begins
        words = [word for word in words if not word.startswith("--model.adversarial_start")]
    if "weights" in told:  # of a model that is larger
        words.append("--model.weights=null")
    if "portraits" in whole.get("data", {}):  # which do not come with the library
        words.append("--data.portraits=null")
    if recipe.parent.name == "dynamic_kernels":  # a pre-trained audio network, frozen
        words.append(f"--model.wav2lip={wav2lip}")
    if recipe.name == "base.yaml":  # what every recipe starts from names no strategy
        words.append("--model.fusion=NoFusion")
    assert main(words) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    state = torch.load(last, weights_only=True)
    # Two steps of each optimizer; a recipe without an adversary has but one that steps.
    assert state["global_step"] == (4 if critic else 2)
    assert all(v.isfinite().all() for v in state["state_dict"].values())
    # The recipe as it was run is kept beside the checkpoints, and says what the recipe says.
    kept = yaml.safe_load(next((tmp_path / "run").rglob("config.yaml")).read_text())
    chosen = told.get("fusion")
    if chosen is not None:
        name = chosen if isinstance(chosen, str) else chosen["class_path"]
        assert kept["model"]["fusion"]["class_path"].endswith(name)


def test_a_recipe_holds_the_difference_only():
    """Each starts from base.yaml and says nothing of it again."""
    base = yaml.safe_load((ROOT / "base.yaml").read_text())
    for recipe in (*RECIPES, *APART_TOO):
        if recipe.name != "base.yaml":
            assert _common(base, yaml.safe_load(recipe.read_text())) == []


def test_validates_and_resumes(tmp_path, recipes, tiny_training, capsys):
    words = [f"--config={recipes / 'bundled.yaml'}", *tiny_training]
    assert main(["fit", *words]) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    assert main(["validate", *words, f"--ckpt_path={last}"]) == 0
    assert "val/seen/mouth_psnr" in capsys.readouterr().out
    assert main(["fit", *words, "--trainer.max_epochs=2", f"--ckpt_path={last}"]) == 0
    (resumed,) = set((tmp_path / "run").rglob("last.ckpt")) - {last}
    assert torch.load(resumed, weights_only=True)["global_step"] == 8


def _common(first, second, at=""):
    """The places at which two nested settings say the same."""
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return [at] if first == second else []
    shared = first.keys() & second.keys()
    return [path for key in shared for path in _common(first[key], second[key], f"{at}.{key}")]
