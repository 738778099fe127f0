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
from avfuse.files.whole import write_whole

Recipe = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """One ablation, as its YAML says it.

    Attributes:
        title: for people.
        variants: by name, what of the recipe each has for its own; `model.fusion` among it.
        recipe: what all have in common, as for `avfuse fit`.
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
        if not all(isinstance(own, dict) for own in (self.recipe, *self.variants.values())):
            raise ValueError("recipe and variants: expected options, as of avfuse fit")
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
        folder: where it is kept: `recipe.yaml`, `curve.jsonl`, `model.safetensors`, `log.txt`,
            pictures, and `result.json` once it is done.
    """

    variant: str
    seed: int
    folder: Path

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
    """Read a plan; its recipe is layered over the nearest `base.yaml` above it.

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
    base = next(
        (f / "base.yaml" for f in path.resolve().parents if (f / "base.yaml").is_file()), None
    )
    common = {} if base is None else yaml.safe_load(base.read_text())
    return Plan(**{**content, "recipe": layered(common, plan.recipe)})


def lay_out(plan: Plan, output: Path) -> list[Cell]:
    """Give every cell its folder and its recipe, seed by seed, so that a first table comes early.

    Raises:
        InputError: if a cell was run by another recipe, or nothing can be written there.
    """
    return [_laid_out(plan, cell) for cell in _cells(plan, output)]


def _cells(plan: Plan, output: Path) -> Iterator[Cell]:
    for seed in plan.seeds:
        for variant in plan.variants:
            yield Cell(variant, seed, output / "runs" / slug(variant) / str(seed))


def _laid_out(plan: Plan, cell: Cell) -> Cell:
    recipe = layered(plan.recipe, plan.variants[cell.variant], _bookkeeping(cell))
    path = cell.folder / "recipe.yaml"
    ran = cell.log.exists() and path.exists()  # one that was only refused may be mended
    if ran and not _alike(yaml.safe_load(path.read_text()), recipe):
        raise InputError(
            f"{cell.folder} was run by another recipe; give another --output, or remove it"
        )
    try:
        cell.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{cell.folder}: cannot be made ({error.strerror})") from error
    write_whole(path, yaml.safe_dump(recipe, sort_keys=False))
    return cell


def _alike(one: Recipe, other: Recipe) -> bool:
    """Whether the same is trained, wherever it is kept."""
    nowhere = {"trainer": {"default_root_dir": None}}
    return layered(one, nowhere) == layered(other, nowhere)


def _bookkeeping(cell: Cell) -> Recipe:
    """How a cell's training keeps its books: the averaged weights, and where to go on from."""
    last = {"filename": "last", "enable_version_counter": False}
    return {
        "seed_everything": cell.seed,
        "trainer": {
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": str(cell.folder),
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
