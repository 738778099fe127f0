"""The paper's ablations: a recipe each, and one plan of them all."""

import pytest
import yaml

from avfuse.ablation.plan import lay_out, read_plan
from avfuse.fit.command import trainable

# The plan's name of each, its recipe's, and what it changes.
VARIANTS = {
    "ATVGnet": (None, {}),
    "w/o DMA": ("without_dma", {"blend": False}),
    "w/o MMCRNN": ("without_mmcrnn", {"recurrent": False}),
    "w/o DAL": ("without_dal", {"attention": 0.0, "base": 1.0}),
    "w/o RD": ("without_rd", {"regression": 0.0}),
    "Baseline": (
        "baseline",
        {"blend": False, "recurrent": False, "attention": 0.0, "base": 1.0, "regression": 0.0},
    ),
    "ATVG-ND": ("end_to_end", {"teacher_forcing": False}),
    "ATVG-P": ("previous_frame", {"background": "previous"}),
}


@pytest.fixture(scope="module")
def plan(recipes):
    return read_plan(recipes / "ablations" / "atvgnet.yaml")


def test_the_plan_has_them_all(plan):
    assert list(plan.variants) == list(VARIANTS)
    assert plan.protocol == "first-frame"


@pytest.mark.parametrize("name", VARIANTS)
def test_each_is_built_as_it_says(plan, name, tmp_path):
    cell = next(c for c in lay_out(plan, tmp_path) if c.variant == name)
    _, training, data = trainable([f"--config={cell.folder / 'recipe.yaml'}"])
    usual = {"blend": True, "recurrent": True, "background": "reference"}
    expected = {k: VARIANTS[name][1].get(k, v) for k, v in usual.items()}
    assert {k: training.method.config[k] for k in usual} == expected
    chosen = {k: v for k, v in VARIANTS[name][1].items() if k not in usual}
    assert {k: training.hparams[k] for k in chosen} == chosen
    assert training.method.size == data.hparams["size"] == 64
    assert data.hparams["mel_steps"] == training.method.hears.steps == 28


@pytest.mark.parametrize("name", [name for name, (recipe, _) in VARIANTS.items() if recipe])
def test_recipes_say_what_the_plan_says(recipes, name):
    recipe, options = VARIANTS[name]
    path = recipes / "papers" / "atvgnet" / f"{recipe}.yaml"
    assert yaml.safe_load(path.read_text()) == {"model": options}


def test_options_of_the_method_are_words_of_the_command_line(recipes):
    words = ["--model.blend=false", "--model.size=32", "--model.channels=[4, 4, 6, 6, 8]"]
    recipe = recipes / "papers" / "atvgnet.yaml"
    _, training, data = trainable([f"--config={recipe}", "--data.synthetic=2", *words])
    assert training.method.config["blend"] is False
    assert training.method.size == data.hparams["size"] == 32
    assert len(training.discriminator.image) == 7  # five layers as the encoder's, flattened, mapped
