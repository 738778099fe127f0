"""Which tensors a computation reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode


def read_by(work: Callable[[], object], tensors: Sequence[Tensor]) -> list[bool]:
    """Whether some work touches each of some tensors.

    Args:
        work: that may.
        tensors: each an object of its own.
    """
    with _Reads() as reads:
        work()
    return [id(tensor) in reads.seen for tensor in tensors]


class _Reads(TorchFunctionMode):
    """Remembers every tensor that any function of torch was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        self._see((*args, *given.values()))
        return func(*args, **given)

    def _see(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, Tensor):
                self.seen.add(id(value))
            elif isinstance(value, list | tuple):
                self._see(value)
