"""Tensors in tuples in tuples: what methods hand over, whatever is in it."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

T = TypeVar("T")


def mapped(nest: T, function: Callable[[Tensor], Tensor]) -> T:
    """Apply a function to every tensor, depth first; tuples keep their names, None stays None."""
    if isinstance(nest, Tensor):
        return function(nest)  # type: ignore[return-value]
    if not isinstance(nest, tuple):
        return nest
    parts = (mapped(part, function) for part in nest)
    named = hasattr(nest, "_fields")
    return type(nest)(*parts) if named else tuple(parts)  # type: ignore[return-value]


def tensors_of(nest: object) -> list[Tensor]:
    """Every tensor, in the order in which `mapped` visits them."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    mapped(nest, keep)
    return found
