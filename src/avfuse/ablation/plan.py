"""What an ablation is: variants of one recipe, the seeds of each, and how they are tested."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from avfuse.errors import InputError
from avfuse.evaluation.evaluate import PROTOCOLS
from avfuse.files.recipes import built_on
from avfuse.files.whole import write_whole

Recipe = dict[str, Any]

MODEL = "model.safetensors"
"""What a training leaves in its folder."""


@dataclass(frozen=True)
class Plan:
    """One ablation, as its YAML says it.

    Attributes:
        title: for people.
        variants: by name, what of the recipe each has for its own; `model.fusion` among it.
        recipe: what all have in common, as for `avfuse fit`.
        stages: for a method of several trainings, a recipe each, in order; they are laid over
            `recipe`, and variants over them. Each training starts from what the one before made.
        seeds: of weights and augmentation; each variant is trained once with each. The pairs that
            it is trained on, and their order, are the same for all.
        protocol: how it is tested, `dubbing` or `first-frame`.
        clips: held-back clips of each group that it is tested on, at most.
        translation: how far the face is moved up in the test of Fig. 8, as shares of the crop;
            none for no such test.
    """

    title: str
    variants: Mapping[str, Recipe]
    recipe: Recipe = field(default_factory=dict)
    stages: Sequence[Recipe] = ({},)
    seeds: Sequence[int] = (0, 1, 2)
    protocol: str = "dubbing"
    clips: int = 10
    translation: Sequence[float] = ()

    @property
    def test(self) -> dict[str, Any]:
        """How it is tested, in plain values."""
        return {
            "protocol": self.protocol,
            "clips": self.clips,
            "translation": [float(share) for share in self.translation],
        }

    def __post_init__(self) -> None:
        if not self.variants:
            raise ValueError("variants: none is given")
        if not all(isinstance(name, str) for name in (self.title, *self.variants)):
            raise ValueError("title and names of variants: expected text; put numbers in quotes")
        folders = {slug(name) for name in self.variants}
        if "" in folders or len(folders) < len(self.variants):
            raise ValueError(f"variants: {', '.join(self.variants)}; expected names that differ")
        if not self.stages:
            raise ValueError("stages: none is given; leave them out for a single training")
        recipes = (self.recipe, *self.stages, *self.variants.values())
        if not all(isinstance(own, dict) for own in recipes):
            raise ValueError("recipe, stages and variants: expected options, as of avfuse fit")
        whole = all(isinstance(seed, int) for seed in self.seeds)
        if not self.seeds or not whole or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: {self.seeds}; expected different whole numbers")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol: {self.protocol}; expected {', '.join(PROTOCOLS)}")
        if self.clips < 1:
            raise ValueError(f"clips: {self.clips}; at least one is needed")
        if not all(0 <= share < 1 for share in self.translation):
            raise ValueError(f"translation: {self.translation}; expected shares from 0 to below 1")


@dataclass(frozen=True)
class Cell:
    """One variant with one seed: what is trained and tested at a time.

    Attributes:
        variant: its name.
        seed: of the training.
        folder: where it is kept: the folders of its trainings, `log.txt`, pictures, and
            `result.json` once it is done.
        stages: how many trainings it has, one after the other.
    """

    variant: str
    seed: int
    folder: Path
    stages: int = 1

    @property
    def trainings(self) -> list[Path]:
        """Their folders: `recipe.yaml`, `curve.jsonl` and `model.safetensors` of each.

        The last one is the cell's own.
        """
        return trainings(self.folder, self.stages)

    @property
    def name(self) -> str:
        """What it is called where people read it."""
        return f"{self.variant}, seed {self.seed}"

    @property
    def result(self) -> Path:
        """The file that stands there once the cell is tested."""
        return self.folder / "result.json"

    def is_done(self, plan: Plan) -> bool:
        """Whether it is tested as the plan says; one that was tested otherwise is tested again."""
        return self.result.exists() and json.loads(self.result.read_text()).get("test") == plan.test

    @property
    def log(self) -> Path:
        """What the cell said while it ran."""
        return self.folder / "log.txt"


def read_plan(path: Path) -> Plan:
    """Read a plan; its recipe is layered over what the plan builds on, as recipes do.

    Raises:
        InputError: if it is no plan, in one line.
    """
    try:
        content = yaml.safe_load(path.read_text())
        known = [f.name for f in fields(Plan)]
        if unknown := set(content) - set(known):
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
        plan = Plan(**content)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise InputError(f"{path} is no plan of an ablation: {error}") from error
    below = (yaml.safe_load(recipe.read_text()) or {} for recipe in built_on(path))
    return Plan(**{**content, "recipe": layered(*below, plan.recipe)})


def trainings(folder: Path, stages: int) -> list[Path]:
    """The folders of a cell's trainings, as of `Cell.trainings`."""
    return [*(folder / f"stage-{number}" for number in range(1, stages)), folder]


def lay_out(plan: Plan, output: Path) -> list[Cell]:
    """Give every cell its folder and its recipe, seed by seed, so that a first table comes early.

    Raises:
        InputError: if a cell was run by another recipe, or nothing can be written there.
    """
    return [_laid_out(plan, cell) for cell in _cells(plan, output)]


def _cells(plan: Plan, output: Path) -> Iterator[Cell]:
    for seed in plan.seeds:
        for variant in plan.variants:
            folder = output / "runs" / slug(variant) / str(seed)
            yield Cell(variant, seed, folder, len(plan.stages))


def _laid_out(plan: Plan, cell: Cell) -> Cell:
    before: Recipe = {}
    for folder, stage in zip(cell.trainings, plan.stages, strict=True):
        recipe = layered(
            plan.recipe, stage, plan.variants[cell.variant], _bookkeeping(cell, folder)
        )
        whole = options_inside(layered(recipe, before))
        _write_recipe(whole, folder, ran=cell.log.exists())
        before = {"model": {"weights": str(folder / MODEL)}}
    return cell


def _write_recipe(recipe: Recipe, folder: Path, *, ran: bool) -> None:
    path = folder / "recipe.yaml"
    # One that was only refused may be mended.
    if ran and path.exists() and not _alike(yaml.safe_load(path.read_text()), recipe):
        raise InputError(f"{folder} was run by another recipe; give another --output, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror})") from error
    write_whole(path, yaml.safe_dump(recipe, sort_keys=False))


def _alike(one: Recipe, other: Recipe) -> bool:
    """Whether the same is trained, wherever it is kept."""

    def without_places(recipe: Recipe) -> Recipe:
        model = recipe.get("model", {})
        inside = {"init_args": {"weights": None}} if "class_path" in model else {"weights": None}
        return layered(recipe, {"trainer": {"default_root_dir": None}, "model": inside})

    return without_places(one) == without_places(other)


def options_inside(recipe: Recipe) -> Recipe:
    """Put the options of a model, or data, that a class names to where the class takes them.

    So a plan may say `data.batch` for stages of several classes, and `weights` are found.
    """
    parts = {name: recipe.get(name) or {} for name in ("model", "data")}
    named = {name: _inside(part) for name, part in parts.items() if "class_path" in part}
    return {**recipe, **named}


def _inside(part: Recipe) -> Recipe:
    beside = {k: v for k, v in part.items() if k not in ("class_path", "init_args")}
    options = layered(part.get("init_args", {}), beside)
    return {"class_path": part["class_path"], "init_args": options}


def _bookkeeping(cell: Cell, folder: Path) -> Recipe:
    """How a cell's training keeps its books: the averaged weights, and where to go on from."""
    last = {"filename": "last", "enable_version_counter": False}
    return {
        "seed_everything": cell.seed,
        "trainer": {
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": str(folder),
            "callbacks": [
                {"class_path": "avfuse.training.averaging.WarmAveraging"},
                {"class_path": "avfuse.ablation.curve.Curve"},
                {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": last},
            ],
        },
    }


def layered(*recipes: Recipe) -> Recipe:
    """One recipe out of several, the later ones winning, option by option."""
    result: Recipe = {}
    for recipe in recipes:
        for key, value in recipe.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = layered(result[key], value) if both else value
    return result


def slug(name: str) -> str:
    """A name, in whatever script, as a folder."""
    return re.sub(r"\W+", "-", name.lower()).strip("-")
