"""The words of a training command, made ready for Lightning's command line."""

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import get_loader

from avfuse.errors import InputError
from avfuse.files.recipes import CONFIG, built_on, is_inline, located
from avfuse.fusion.naming import strategies

_FUSION = "--model.fusion"


def prepared(arguments: Sequence[str], *, alone: bool = False) -> list[str]:
    """Find the recipes, put first what they build on, and keep strategies apart.

    Args:
        arguments: the verb and what follows it.
        alone: the recipe is complete: it builds on nothing.

    Returns:
        Words for Lightning's command line, which means the same by them.

    Raises:
        InputError: for a recipe or a strategy that does not exist, or an inner one that is missing.
    """
    words = located(arguments)
    if not alone:
        words = list(_on_base(words))
    _check_strategies(words)
    return list(_kept_apart(words))


def recipes(words: Sequence[str]) -> list[Path]:
    """The recipes that are read, in this order.

    Args:
        words: as of `prepared`.
    """
    named = (value for option, value in _options(words) if option in CONFIG)
    return [Path(value) for value in named if not is_inline(value)]


def names_class(part: str, arguments: Sequence[str]) -> bool:
    """Whether a recipe or an option says by a `class_path` what the model or the data are.

    Args:
        part: `model` or `data`.
        arguments: as by `prepared`.
    """
    for option, value in _options(arguments):
        if option in (f"--{part}", f"--{part}.class_path"):
            return True
        if option in CONFIG and "class_path" in _part(part, value):
            return True
    return False


def _on_base(arguments: Sequence[str]) -> Iterator[str]:
    """Put what the first recipe builds on before it."""
    found = False
    for word, (option, value) in zip(arguments, _options(arguments), strict=True):
        if not found and option in CONFIG:
            found = True
            for below in [] if is_inline(value) else built_on(Path(value)):
                yield f"--config={below}"
        yield word


def _part(part: str, recipe: str) -> dict[str, Any]:
    """What a recipe says of the model or the data; nothing where it is none: the parser says so."""
    try:
        content = get_loader("yaml")(Path(recipe).read_text())[part]
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
    if option not in CONFIG and not re.fullmatch(rf"{_FUSION}(\.inner)*", place):
        return
    try:
        content = get_loader("yaml")(Path(value).read_text() if option in CONFIG else value)
        if option in CONFIG:
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
