"""The words of a training command, made ready for Lightning's command line."""

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import get_loader

from avfuse.errors import InputError
from avfuse.fusion.naming import strategies

_CONFIG = ("--config", "-c")
_FUSION = "--model.fusion"


def prepared(arguments: Sequence[str]) -> list[str]:
    """Put the base recipe first, keep strategies apart, and check that they exist.

    Args:
        arguments: the verb and what follows it.

    Returns:
        Words for Lightning's command line, which means the same by them.

    Raises:
        InputError: for a strategy that does not exist, or an inner one that is missing.
    """
    words = list(_on_base(arguments))
    _check_strategies(words)
    return list(_kept_apart(words))


def names_training(arguments: Sequence[str]) -> bool:
    """Whether a recipe or an option says by `model.class_path` what is to be trained.

    Args:
        arguments: as by `prepared`.
    """
    for option, value in _options(arguments):
        if option in ("--model", "--model.class_path"):
            return True
        if option in _CONFIG and "class_path" in _model(value):
            return True
    return False


def _on_base(arguments: Sequence[str]) -> Iterator[str]:
    """Put what the first recipe builds on before it."""
    found = False
    for word, (option, value) in zip(arguments, _options(arguments), strict=True):
        if not found and option in _CONFIG:
            found = True
            for below in _below(Path(value).resolve()):
                yield f"--config={below}"
        yield word


def _below(recipe: Path) -> Iterator[Path]:
    """What a recipe builds on, the base first.

    That is the recipe which has the name of the recipe's folder and lies beside it, and what that
    one builds on; where there is none, the nearest base.
    """
    beside = recipe.parent.parent / f"{recipe.parent.name}.yaml"
    if beside.is_file():
        yield from _below(beside)
        yield beside
        return
    base = next((f / "base.yaml" for f in recipe.parents if (f / "base.yaml").is_file()), None)
    if base is not None and base != recipe:
        yield base


def _model(recipe: str) -> dict[str, Any]:
    """What a recipe says of the model; nothing where it is none, which the parser says better."""
    try:
        content = get_loader("yaml")(Path(recipe).read_text())["model"]
    except Exception:
        return {}
    return content if isinstance(content, dict) else {}


def _check_strategies(arguments: Sequence[str]) -> None:
    known = strategies()
    choices = f"known are {', '.join(known)}"
    chosen: dict[str, str] = {}
    for option in _options(arguments):
        for place, path in _chosen(*option):
            # What has a dot is somebody's own class, which is imported by its path.
            if "." not in path and path not in known:
                raise InputError(f"{place[2:]}={path} is no fusion strategy; {choices}")
            chosen[place] = path
    for place, path in chosen.items():
        strategy, inner = known.get(_name(path)), f"{place}.inner"
        needed = strategy is not None and "inner" in inspect.signature(strategy).parameters
        if needed and inner not in chosen:
            raise InputError(f"{_name(path)} needs a strategy within, {inner}; {choices}")


def _kept_apart(arguments: Sequence[str]) -> Iterator[str]:
    """Let a strategy that follows another start from its own defaults.

    Where a class replaces another, jsonargparse carries over the options that have the same name in
    both. The contract itself has no options: naming it in between makes it forget them all.
    """
    current: dict[str, str] = {}
    for word, option in zip(arguments, _options(arguments), strict=True):
        named = {place: _name(path) for place, path in _chosen(*option)}
        changed = (place for place, name in named.items() if current.get(place, name) != name)
        outermost = next(changed, None)
        if outermost is not None:
            yield f"{outermost}=Fusion"
        current |= named
        yield word


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word as an option and its value, whether `--option=value` or `--option value`."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        yield option, value if equals else following


def _chosen(option: str, value: str) -> Iterator[tuple[str, str]]:
    """The strategies that an option sets, outer before inner, each with the option of its own."""
    place = option.replace(".init_args", "").removesuffix(".class_path")
    if option not in _CONFIG and not re.fullmatch(rf"{_FUSION}(\.inner)*", place):
        return
    try:
        content = get_loader("yaml")(Path(value).read_text() if option in _CONFIG else value)
        if option in _CONFIG:
            place, content = _FUSION, content["model"]["fusion"]
    except Exception:  # sets none, or is no recipe: the parser says so better
        return
    while content:
        path = content.get("class_path") if isinstance(content, dict) else content
        if not isinstance(path, str):
            return
        yield place, path
        place = f"{place}.inner"
        content = content.get("init_args", {}).get("inner") if isinstance(content, dict) else None


def _name(path: str) -> str:
    return path.rpartition(".")[2]
