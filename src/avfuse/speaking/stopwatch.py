"""Where the time goes: busy seconds a stage, in whatever thread it runs."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Wall seconds of named stages; a stage inside another is taken out of the outer one.

    Threads count at the same time, so the stages of several may add up to more than has passed.

    Attributes:
        seconds: of each stage so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._thread = threading.local()

    @contextmanager
    def stage(self, name: str | None) -> Iterator[None]:
        """Count the block's time for a stage, or for none."""
        inner = self._inner()
        start = time.perf_counter()
        inner.append(0.0)
        try:
            yield
        finally:
            passed = time.perf_counter() - start
            own = passed - inner.pop()
            inner[-1] += passed
            if name is not None:
                with self._lock:
                    self.seconds[name] += own

    def through(self, name: str | None, items: Iterable[T]) -> Iterator[T]:
        """Count the time that it takes to get each item for a stage, or for none: waiting."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def _inner(self) -> list[float]:
        """Seconds of the stages inside each stage that is open in this thread."""
        if not hasattr(self._thread, "inner"):
            self._thread.inner = [0.0]
        inner: list[float] = self._thread.inner
        return inner
