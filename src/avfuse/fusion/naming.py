"""Strategies by name: what recipes, checkpoints and model files hold of them."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

from avfuse.errors import InputError
from avfuse.fusion.base import Fusion, FusionFactory


def strategies() -> dict[str, type[Fusion]]:
    """Every strategy of the library's own, and those that are imported, by name and in order."""
    package = importlib.import_module(__package__)
    for part in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{part.name}")
    found, waiting = dict[str, type[Fusion]](), [Fusion]
    while waiting:
        subclasses = waiting.pop().__subclasses__()
        waiting += subclasses
        found |= {c.__name__: c for c in subclasses if not inspect.isabstract(c)}
    return dict(sorted(found.items()))


def describe(factory: FusionFactory, made: Fusion) -> dict[str, Any] | None:
    """A strategy as plain values, `{"class_path": name, "init_args": options}`.

    Args:
        factory: what made it, a class or a partial of one. A strategy that takes another's factory
            keeps what that made under the option's name.
        made: the strategy.

    Returns:
        Its description; None where a factory, its own or an inner one, does not show its options.
    """
    if not isinstance(factory, type) and not hasattr(factory, "keywords"):
        return None
    given = dict(getattr(factory, "keywords", {}))
    parts = {k: part for k in given if isinstance(part := getattr(made, k, None), Fusion)}
    inner = {k: describe(given[k], part) for k, part in parts.items()}
    if None in inner.values():
        return None
    return {"class_path": type(made).__name__, "init_args": {**given, **inner}}


def factory(description: dict[str, Any]) -> functools.partial[Fusion]:
    """The way back: find a strategy among those that are imported; a file names no code to run.

    Args:
        description: as by [`describe`][avfuse.fusion.naming.describe].

    Raises:
        InputError: for a strategy that is not imported.
    """
    known = strategies()
    name = description["class_path"].rpartition(".")[2]
    if name not in known:
        raise InputError(
            f"uses the fusion strategy {name}, known are {', '.join(known)}; import the module "
            f"that defines it first"
        )
    strategy: Callable[..., Fusion] = known[name]
    given = description["init_args"].items()
    return functools.partial(strategy, **{k: factory(v) if _described(v) else v for k, v in given})


def options(description: dict[str, Any], at: str = "fusion") -> Iterator[tuple[str, Any]]:
    """A description laid flat, with the options that were left at their defaults.

    Args:
        description: as by [`describe`][avfuse.fusion.naming.describe].
        at: the option that the strategy itself is the value of.

    Yields:
        `("fusion", name)`, then `("fusion.<option>", value)`, and so on inwards.
    """
    name = description["class_path"]
    yield at, name
    known = strategies().get(name)
    signature = {} if known is None else inspect.signature(known).parameters
    defaults = {k: p.default for k, p in signature.items() if p.default is not p.empty}
    for option, value in {**defaults, **description["init_args"]}.items():
        place = f"{at}.{option}"
        if _described(value):
            yield from options(value, place)
        else:
            yield place, value


def _described(value: object) -> bool:
    return isinstance(value, dict) and "class_path" in value
