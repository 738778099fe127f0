"""What reaches a strategy through layered recipes and flags, and what never does."""

import inspect
import itertools
import json

import pytest
from jsonargparse import ArgumentParser

from avfuse import DynamicKernel, GivenLips, LandmarkCascade, LipShape, NoFusion
from avfuse.cli import main
from avfuse.files.recipes import MARK
from avfuse.fit.arguments import names_class, prepared
from avfuse.fit.command import TrainingCLI, run
from avfuse.fusion.base import FusionFactory
from avfuse.fusion.naming import strategies

# What tests define of their own is found too.
STRATEGIES = {n: s for n, s in strategies().items() if s.__module__.startswith("avfuse.")}
OVER_OTHERS = (GivenLips, LandmarkCascade, LipShape)


def numbers(strategy):
    """The options of a strategy that are numbers, as another than their default."""
    parameters = inspect.signature(strategy).parameters.values()
    return {p.name: 3 for p in parameters if p.annotation in (int, int | None)}


def defaults(strategy):
    parameters = inspect.signature(strategy).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def parsed(words):
    """What jsonargparse makes of prepared words, without the rest of Lightning's command line."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("-c", "--config", action="config")
    parser.add_argument("--model.fusion", type=FusionFactory)
    return parser.parse_args(prepared(words, alone=True)).model.fusion.as_dict()


@pytest.fixture
def layer(tmp_path):
    """Writes a recipe that sets a strategy, and gives the words that read it."""
    count = itertools.count()

    def write(strategy, /, **options):
        path = tmp_path / f"{next(count)}.yaml"
        fusion = {"class_path": strategy.__name__, "init_args": options}
        path.write_text(json.dumps({"model": {"fusion": fusion}}))
        return [f"--config={path}"]

    return write


@pytest.mark.parametrize("first", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("second", STRATEGIES.values(), ids=STRATEGIES)
class TestAnyAfterAny:
    """The second starts from its own defaults, whatever the first was given."""

    def both(self, first, second):
        inner = {"inner": {"class_path": "NoFusion", "init_args": {"layers": 7}}}
        given = numbers(first) | (inner if first in OVER_OTHERS else {})
        # What is needed and has no default stands in a dictionary of its own.
        needed = {"inner": {"class_path": "NoFusion"}} if second in OVER_OTHERS else {}
        return given, needed

    def check(self, fusion, first, second, given):
        kept = {k: v for k, v in given.items() if k != "inner"} if first is second else {}
        inner = fusion["init_args"].pop("inner", None)
        assert fusion["class_path"] == f"avfuse.{second.__name__}"
        assert fusion["init_args"] == {**defaults(second), **kept}
        if inner is not None:
            given = {"layers": 7} if first is second else {}
            options = {**defaults(NoFusion), **given}
            assert inner == {"class_path": "avfuse.NoFusion", "init_args": options}

    def test_in_recipes(self, layer, first, second):
        given, needed = self.both(first, second)
        fusion = parsed([*layer(first, **given), *layer(second, **needed)])
        self.check(fusion, first, second, given)

    def test_on_the_command_line(self, layer, first, second):
        given, needed = self.both(first, second)
        words = [f"--model.fusion={second.__name__}"]
        words += [f"--model.fusion.{k}={v['class_path']}" for k, v in needed.items()]
        self.check(parsed([*layer(first, **given), *words]), first, second, given)


class TestInner:
    """The same, for the strategy within a strategy."""

    @pytest.fixture
    def cascade(self, layer):
        inner = {"class_path": "DynamicKernel", "init_args": {"layers": 2, "rank": 3}}
        return layer(LandmarkCascade, inner=inner, components=4)

    @pytest.mark.parametrize(
        "switch",
        [
            ["--model.fusion.inner=NoFusion"],
            ["--model.fusion.inner", "NoFusion"],
            ["--model.fusion.init_args.inner=avfuse.NoFusion"],
            ["--model.fusion.inner.class_path=NoFusion"],
            ["--model.fusion={class_path: LandmarkCascade, init_args: {inner: NoFusion}}"],
        ],
    )
    def test_options_do_not_leak(self, cascade, switch):
        fusion = parsed([*cascade, *switch])
        assert fusion["init_args"] == {
            "inner": {"class_path": "avfuse.NoFusion", "init_args": defaults(NoFusion)},
            "components": 4,
            "layers": 3,
        }

    def test_nor_through_recipes(self, cascade, layer):
        fusion = parsed([*cascade, *layer(LandmarkCascade, inner="NoFusion")])
        assert fusion["init_args"]["inner"]["init_args"] == defaults(NoFusion)
        assert fusion["init_args"]["components"] == 4

    def test_nor_from_the_outside_in(self, layer):
        words = [*layer(DynamicKernel, layers=2, rank=3), "--model.fusion=LandmarkCascade"]
        fusion = parsed([*words, "--model.fusion.inner=DynamicKernel"])
        assert fusion["init_args"]["inner"]["init_args"] == defaults(DynamicKernel)

    def test_the_same_keeps_what_was_set(self, cascade):
        fusion = parsed([*cascade, "--model.fusion.inner=DynamicKernel"])
        assert fusion["init_args"]["inner"]["init_args"]["rank"] == 3


class TestRealCommandLine:
    def test_the_base_recipe_sets_no_strategy(self, recipes):
        assert "fusion" not in (recipes / "base.yaml").read_text()

    @pytest.fixture
    def layers(self, tmp_path):
        """Two recipes whose strategies share the option `layers`."""
        first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
        chosen = "{class_path: DynamicKernel, init_args: {layers: 2, rank: 3}}"
        first.write_text(f"model:\n  fusion: {chosen}\n")
        second.write_text("model:\n  fusion: NoFusion\n")
        return [f"--config={first}"], [f"--config={second}"]

    @pytest.mark.parametrize(
        "switch",
        [
            None,
            ["--model.fusion=NoFusion"],
            ["--model.fusion", "avfuse.NoFusion"],
            ["--model.fusion.class_path=avfuse.fusion.NoFusion"],
            ['--model.fusion={"class_path": "NoFusion"}'],
        ],
    )
    def test_one_strategys_options_never_reach_another(self, layers, switch, strategy):
        first, second = layers
        fusion = strategy([*first, *(second if switch is None else switch)])
        assert fusion["class_path"] == "avfuse.NoFusion"
        assert fusion["init_args"] == defaults(NoFusion)

    def test_there_and_back_again(self, layers, strategy):
        first, second = layers
        fusion = strategy([*first, *second, "--model.fusion=DynamicKernel"])
        assert fusion["init_args"] == defaults(DynamicKernel)

    def test_the_same_strategy_keeps_what_was_set(self, layers, strategy):
        fusion = strategy([*layers[0], "--model.fusion=DynamicKernel", "--model.fusion.rank=5"])
        assert fusion["init_args"] == {**defaults(DynamicKernel), "layers": 2, "rank": 5}

    @pytest.mark.parametrize("name", sorted(STRATEGIES))
    def test_each_is_one_flag(self, strategy, name):
        needed = ["--model.fusion.inner=NoFusion"] if STRATEGIES[name] in OVER_OTHERS else []
        assert strategy([f"--model.fusion={name}", *needed])["class_path"] == f"avfuse.{name}"

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--model.fusion=Nonsense"], "model.fusion=Nonsense is no fusion strategy; known are"),
            (["--model.fusion", "Fusion"], "model.fusion=Fusion is no fusion strategy; known are"),
            (["--model.fusion.class_path=Nonsense"], "known are"),
            (
                ["--model.fusion=LandmarkCascade", "--model.fusion.inner=Nonsense"],
                "model.fusion.inner=Nonsense is no fusion strategy; known are",
            ),
            (
                ["--model.fusion=LandmarkCascade"],
                "LandmarkCascade needs a strategy within, --model.fusion.inner; known are",
            ),
        ],
    )
    def test_a_wrong_name_is_answered_with_the_right_ones(self, words, says, capsys):
        assert main(["fit", *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("avfuse: ")
        assert says in line
        assert all(name in line.partition("known are")[2] for name in STRATEGIES)

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--model.fusion=nowhere.Nonsense"], "nowhere.Nonsense"),
            (["--model.fusion=torch.nn.Linear"], "to be a subclass of"),
            (["--model.fusion=DynamicKernel", "--model.fusion.dynamic=[4]"], "dynamic=[4]"),
            (["--model.fusion=NoFusion", "--model.channels=[4,-8]"], "expected positive channels"),
            (["--model.fusion=DynamicKernel", "--model.fusion.layers=0"], "layers=0"),
            (["--model.fusion=NoFusion", "--model.fusion.rank=3"], "rank"),
            (["--model.channels=[4,8]"], "model.fusion"),
            (["--model.fusion=NoFusion", "--model.chanels=[4]"], "chanels"),
            (["--config=nowhere.yaml"], "nowhere.yaml"),
        ],
    )
    def test_what_cannot_be_built_is_said_in_one_line(self, words, says, capsys, tmp_path):
        assert main(["fit", f"--trainer.default_root_dir={tmp_path}", *words]) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("avfuse: ")
        assert says in last


class ParsedError(Exception):
    """Carries the configuration out of the command line before anything is built."""


@pytest.fixture
def strategy(monkeypatch):
    """What the command line makes of the strategy in some words."""

    def stop(cli):
        raise ParsedError(cli.config)

    def parse(words):
        with monkeypatch.context() as patched, pytest.raises(ParsedError) as parsed:
            patched.setattr(TrainingCLI, "instantiate_classes", stop)
            run(["fit", *words])
        return parsed.value.args[0].fit.model.fusion.as_dict()

    return parse


class TestPapers:
    """Recipes of other trainings: what they build on, and that they are seen for what they are."""

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "papers" / "one").mkdir(parents=True)
        for name in ("papers/one", "papers/one/ablation", "papers/two"):
            (tmp_path / f"{name}.yaml").write_text("{}")
        (tmp_path / "base.yaml").write_text(f"{MARK}\n{{}}")
        return tmp_path

    def test_an_ablation_builds_on_the_recipe_that_its_folder_is_named_after(self, folder):
        ablation = f"--config={folder / 'papers' / 'one' / 'ablation.yaml'}"
        below = [f"--config={folder / name}" for name in ("base.yaml", "papers/one.yaml")]
        assert prepared(["fit", ablation]) == ["fit", *below, ablation]

    def test_a_folders_recipes_build_on_the_paper_in_it(self, folder):
        (folder / "papers" / "paper.yaml").write_text("{}")
        paper, other = (f"--config={folder / 'papers' / n}.yaml" for n in ("paper", "two"))
        base = f"--config={folder / 'base.yaml'}"
        assert prepared(["fit", other]) == ["fit", base, paper, other]
        assert prepared(["fit", paper]) == ["fit", base, paper]

    def test_other_recipes_build_on_the_base_only(self, folder):
        recipe = f"--config={folder / 'papers' / 'two.yaml'}"
        assert prepared(["fit", recipe]) == ["fit", f"--config={folder / 'base.yaml'}", recipe]

    def test_those_that_come_with_the_library_are_found_by_name(self, recipes):
        below = [f"--config={recipes / name}" for name in ("base.yaml", "papers/atvgnet.yaml")]
        ablation = str(recipes / "papers" / "atvgnet" / "without_dal.yaml")
        words = prepared(["fit", "--config", "papers/atvgnet/without_dal"])
        assert words == ["fit", *below, "--config", ablation]

    def test_a_training_is_named_by_a_recipe_or_an_option(self, tmp_path):
        recipe = tmp_path / "a.yaml"
        recipe.write_text("model: {class_path: avfuse.methods.atvgnet.training.ATVGnetTraining}")
        assert names_class("model", ["fit", "--config", str(recipe)])
        assert names_class("model", ["fit", "--model=avfuse.TalkingFace"])
        recipe.write_text("model: {fusion: {class_path: NoFusion}}")
        assert not names_class("model", ["fit", f"--config={recipe}", "--model.fusion=NoFusion"])
        assert not names_class("model", ["fit", "--config=nowhere.yaml"])
