"""Plans: what they say, and what they may not."""

import pytest
import yaml
from jaxtyping import config as checks

from avfuse.ablation.plan import lay_out, layered, options_inside, read_plan, slug
from avfuse.cli import main
from avfuse.errors import InputError
from avfuse.fit.command import trainable
from avfuse.fusion.naming import strategies


def test_later_recipes_win_option_by_option():
    first = {"model": {"size": 64, "rate": 1e-3}, "seed": 0}
    second = {"model": {"size": 32}, "data": {"batch": 2}}
    expected = {"model": {"size": 32, "rate": 1e-3}, "seed": 0, "data": {"batch": 2}}
    assert layered(first, second) == expected
    assert first == {"model": {"size": 64, "rate": 1e-3}, "seed": 0}  # left as it was


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [1, 1]}, "seeds"),
        ({"seeds": []}, "seeds"),
        ({"protocol": "guessing"}, "dubbing"),
        ({"clips": 0}, "clips"),
        ({"translation": [1.5]}, "translation"),
        ({"colour": "red"}, "unknown: colour"),
        ({"variants": {"Deaf!": {}}}, "hears, deaf, Deaf!"),
        ({"variants": {"?": {}}}, "names that differ"),
        ({"variants": {"nothing": None}}, "expected options"),
    ],
)
def test_what_makes_no_plan_is_said_in_one_line(write_plan, changes, said):
    with pytest.raises(InputError, match=said) as caught:
        read_plan(write_plan(**changes))
    assert "\n" not in str(caught.value)


@pytest.fixture
def as_for_users():
    """Nobody checks types and shapes outside of tests."""
    checks.update("jaxtyping_disable", True)
    yield
    checks.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("as_for_users")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{title: 2026, variants: {a: {}}}", "in quotes"),
        ("{title: T, variants: {4: {}}}", "in quotes"),
        ("{title: T, variants: {a: {}}, seeds: ['0', '1']}", "seeds"),
        ("{title: T, variants: {a: {}}, recipe: null}", "expected options"),
    ],
)
def test_values_of_another_kind_are_said_in_one_line(tmp_path, text, said):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path} is no plan")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "title: [", "title: only a title\n"])
def test_another_file_is_no_plan(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="is no plan"):
        read_plan(path)


def test_a_plan_builds_on_the_bundled_base_unless_it_has_its_own(write_plan, tmp_path, recipes):
    path = write_plan()
    base = yaml.safe_load((recipes / "base.yaml").read_text())
    logger = read_plan(path).recipe["trainer"]["logger"]
    assert logger == base["trainer"]["logger"]
    (tmp_path / "base.yaml").write_text("{trainer: {logger: false}, model: {rate: 0.5}}")
    own = read_plan(path).recipe
    assert own["trainer"]["logger"] is False
    assert own["model"]["rate"] == 0.5
    assert "callbacks" not in own["trainer"]


def test_every_cell_has_its_seed_and_its_strategy(write_plan, tmp_path):
    cells = lay_out(read_plan(write_plan()), tmp_path / "out")
    assert [(c.variant, c.seed) for c in cells] == [
        ("hears", 0), ("deaf", 0), ("hears", 1), ("deaf", 1),
    ]  # fmt: skip
    recipes = [yaml.safe_load((c.folder / "recipe.yaml").read_text()) for c in cells]
    assert [r["seed_everything"] for r in recipes] == [0, 0, 1, 1]
    assert recipes[1]["model"]["fusion"] == "NoFusion"
    # But for strategy and seed they say the same.
    for recipe, cell in zip(recipes, cells, strict=True):
        del recipe["model"]["fusion"], recipe["seed_everything"]
        assert recipe["trainer"].pop("default_root_dir") == str(cell.folder)
    assert all(recipe == recipes[0] for recipe in recipes)


def test_what_was_run_by_another_recipe_is_kept(write_plan, tmp_path):
    out = tmp_path / "out"
    (first, *_) = lay_out(read_plan(write_plan()), out)
    first.log.write_text("it ran")
    before = (first.folder / "recipe.yaml").read_text()
    lay_out(read_plan(write_plan(seeds=[0, 1, 2])), out)  # more seeds are no other recipe
    other = read_plan(write_plan(recipe={"model": {"size": 64}}))
    with pytest.raises(InputError, match="another recipe; give another --output"):
        lay_out(other, out)
    assert (first.folder / "recipe.yaml").read_text() == before


def test_a_plan_that_was_never_run_can_be_mended(write_plan, tmp_path):
    lay_out(read_plan(write_plan(recipe={"model": {"flavour": 1}})), tmp_path)
    (first, *_) = lay_out(read_plan(write_plan()), tmp_path)
    assert "flavour" not in (first.folder / "recipe.yaml").read_text()


def test_what_was_run_elsewhere_is_no_other_recipe(write_plan, tmp_path):
    (first, *_) = lay_out(read_plan(write_plan()), tmp_path / "here")
    first.log.write_text("it ran")
    (tmp_path / "here").rename(tmp_path / "there")
    (moved, *_) = lay_out(read_plan(write_plan()), tmp_path / "there")
    recipe = yaml.safe_load((moved.folder / "recipe.yaml").read_text())
    assert recipe["trainer"]["default_root_dir"] == str(moved.folder)


def test_options_beside_a_class_go_into_it(write_plan, tmp_path):
    """So stages of several classes can share what a plan says of all of them."""
    stages = [
        {"model": {"class_path": "a.First", "rate": 1.0}, "data": {"class_path": "a.Clips"}},
        {"model": {"class_path": "a.Second", "init_args": {"rate": 2.0}}},
    ]
    plan = read_plan(write_plan(stages=stages, variants={"hears": {}, "deaf": {}}))
    cell = lay_out(plan, tmp_path / "out")[0]
    first, second = (
        yaml.safe_load((folder / "recipe.yaml").read_text()) for folder in cell.trainings
    )
    assert set(first["model"]) == set(first["data"]) == {"class_path", "init_args"}
    assert (first["model"]["init_args"]["rate"], first["model"]["init_args"]["size"]) == (1.0, 32)
    assert first["data"]["init_args"]["batch"] == 2
    assert second["model"]["init_args"]["weights"].endswith("stage-1/model.safetensors")
    assert second["data"]["batch"] == 2


def test_names_become_folders():
    assert slug("w/o DCKs (spatial attention)") == "w-o-dcks-spatial-attention"
    assert slug("mit Größe β") == "mit-größe-β"


def plans(recipes):
    return sorted((recipes / "ablations").glob("*.yaml"))


def test_the_smoke_ablation_has_every_strategy(recipes):
    plan = read_plan(recipes / "ablations" / "smoke.yaml")
    chosen = [v["model"]["fusion"] for v in plan.variants.values()]
    names = {f if isinstance(f, str) else f["class_path"] for f in chosen}
    # What tests define of their own is found too.
    own = {name for name, kind in strategies().items() if kind.__module__.startswith("avfuse.")}
    assert names == own


def pytest_generate_tests(metafunc):
    """`trained`: one variant of each plan, and every one of the smoke ablation, which has all
    strategies; `built`: the others, whose methods tests/test_recipes.py trains by their recipes."""
    from pathlib import Path

    for fixture in {"trained", "built"} & set(metafunc.fixturenames):
        pairs = [
            (path, name)
            for path in plans(Path(__file__).parents[2] / "recipes")
            for number, name in enumerate(read_plan(path).variants)
            if (path.stem == "smoke" or number == 0) == (fixture == "trained")
        ]
        names = [f"{path.stem}: {name}" for path, name in pairs]
        metafunc.parametrize(fixture, pairs, ids=names)


@pytest.fixture
def words(tmp_path, tiny_training):
    """Of a variant's last training, made tiny."""

    def of(path, variant):
        content = read_plan(path)
        recipe = tmp_path / "recipe.yaml"
        own = layered(content.recipe, content.stages[-1], content.variants[variant])
        recipe.write_text(yaml.safe_dump(options_inside(own)))
        # A frozen audio network has sizes of its own, which are not tiny.
        frozen = content.recipe["model"].get("audio") == "frozen"
        loose = ["--model.audio=trained", "--model.speech_encoder=false"] if frozen else []
        return [f"--config={recipe}", *tiny_training, *loose]

    return of


def test_variants_train_two_steps(trained, words, tmp_path, capsys):
    assert main(["fit", *words(*trained)]) == 0
    assert list((tmp_path / "run").rglob("last.ckpt"))


def test_variants_are_built(built, words):
    path, variant = built
    said = options_inside(read_plan(path).variants[variant])["model"]
    _, training, _ = trainable(words(path, variant))
    config = training.method.config
    assert config.get("blend", True) == {**said, **said.get("init_args", {})}.get("blend", True)
    chosen = said.get("fusion")
    if chosen is not None:
        name = chosen if isinstance(chosen, str) else chosen["class_path"]
        assert config["fusion"]["class_path"] == name


def test_nothing_but_the_strategy_and_blending_differs(recipes):
    """Everything else equal: that is what a table of strategies is for."""
    for path in plans(recipes):
        for own in read_plan(path).variants.values():
            assert own.keys() == {"model"}
            assert own["model"].keys() <= {"fusion", "blend", "init_args"}
            assert not own["model"].keys() > {"init_args"}  # one model's options, or a strategy
