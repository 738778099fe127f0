"""Recipes by name or by path, and what they build on.

A recipe holds the difference only. What comes with the package is found by name, as
`papers/atvgnet`; where a file is meant, its path says so.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from avfuse.errors import InputError

BASE = "base.yaml"
MARK = "# What every recipe starts from"
"""How a base begins that holds for the folders below it too: another file may have its name."""

CONFIG = ("--config", "-c")
"""The options that take a recipe."""

_SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).resolve().parents[1]


class BundledRecipe(NamedTuple):
    """A recipe that comes with the package.

    Attributes:
        name: by which `--config` finds it.
        path: of the file.
        about: the first line of its comment.
    """

    name: str
    path: Path
    about: str


def bundled_folder() -> Path:
    """Where the bundled recipes lie: within the package, or in its sources beside `src`."""
    within = _PACKAGE / "recipes"
    return within if within.is_dir() else _PACKAGE.parents[1] / "recipes"


def bundled_recipes() -> list[BundledRecipe]:
    """All of them, in the order of their names."""
    folder = bundled_folder()
    names = {p.relative_to(folder).with_suffix("").as_posix(): p for p in folder.rglob("*.yaml")}
    return [BundledRecipe(name, path, _about(path)) for name, path in sorted(names.items())]


def copy_recipes(folder: Path) -> list[Path]:
    """Write out the bundled recipes; nothing that is there is overwritten.

    Args:
        folder: where they go; made if it is not there.

    Returns:
        The files, in the order of their names.

    Raises:
        InputError: a file of theirs is there already, or nothing can be written; nothing is then.
    """
    places = {r.path: folder / r.path.relative_to(bundled_folder()) for r in bundled_recipes()}
    taken = next((place for place in places.values() if place.exists()), None)
    if taken is not None:
        raise InputError(f"{taken} is there already, and is kept; copy to another folder")
    try:
        for path, place in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    return list(places.values())


def recipe_file(word: str) -> Path:
    """The file that is meant by a name or a path.

    What ends in `.yaml` or `.yml`, or begins with `.`, `~` or `/`, is a path where such a file is;
    everything else is the name of a bundled recipe, with its suffix or without.

    Raises:
        InputError: there is neither.
    """
    path = Path(word).expanduser()
    is_path = path.suffix in _SUFFIXES or word.startswith(".") or path.is_absolute()
    if is_path and path.is_file():
        return path
    named = {recipe.name: recipe.path for recipe in bundled_recipes()}
    name = str(Path(word).with_suffix("")) if path.suffix in _SUFFIXES else word
    if name not in named:
        raise InputError(
            f"recipe {word!r} is neither a file (whose path ends in .yaml) nor a bundled one; see "
            f"avfuse recipes"
        )
    return named[name]


def located(words: Sequence[str]) -> list[str]:
    """The words of a command, every recipe by its path.

    Raises:
        InputError: a recipe is not there.
    """
    found, is_value = [], False
    for word in words:
        option, equals, value = word.partition("=")
        if is_value:
            found.append(_located(word))
        else:
            found.append(f"{option}={_located(value)}" if option in CONFIG and equals else word)
        is_value = not is_value and word in CONFIG
    return found


def is_inline(word: str) -> bool:
    """Whether it is options themselves, `{...}`, which the parser takes in place of a recipe."""
    return word.lstrip().startswith("{")


def built_on(recipe: Path) -> list[Path]:
    """What a recipe builds on, the base first.

    The base is the `base.yaml` in its folder; else the nearest above it that begins with `MARK`;
    else the bundled one. Between that and the recipe comes, below the base's folder, the
    `paper.yaml` in the recipe's folder, or else the recipe that is named as that folder and lies
    beside it, with what that one builds on.
    """
    recipe = recipe.resolve()
    base = _base(recipe)
    return [] if base == recipe else [base, *_between(base.parent, recipe)]


def in_words(recipes: Sequence[Path]) -> str:
    """Recipes in the order in which they were read: bundled ones by name, files by their paths."""
    return " + ".join(map(_shown, recipes))


def _located(word: str) -> str:
    return word if is_inline(word) else str(recipe_file(word))


def _base(recipe: Path) -> Path:
    beside = recipe.with_name(BASE)
    if beside.is_file():
        return beside
    marked = (f / BASE for f in recipe.parent.parents if _is_marked(f / BASE))
    return next(marked, bundled_folder() / BASE)


def _is_marked(base: Path) -> bool:
    try:
        with base.open("rb") as file:
            return file.read(len(MARK)) == MARK.encode()
    except OSError:
        return False


def _between(tree: Path, recipe: Path) -> Iterator[Path]:
    """What a recipe builds on besides the base in the tree's folder."""
    folder = recipe.parent
    for below in (folder / "paper.yaml", folder.parent / f"{folder.name}.yaml"):
        if tree in folder.parents and below != recipe and below.is_file():
            yield from _between(tree, below)
            yield below
            return


def _shown(recipe: Path) -> str:
    recipe, folder = recipe.resolve(), bundled_folder()
    if recipe.is_relative_to(folder):
        return recipe.relative_to(folder).with_suffix("").as_posix()
    here = Path.cwd()
    return str(recipe.relative_to(here) if recipe.is_relative_to(here) else recipe)


def _about(recipe: Path) -> str:
    lines = recipe.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
