"""Times that can be compared: everything once a round, in turns, and the median over the rounds."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import torch
from tqdm import tqdm

K = TypeVar("K", bound=Hashable)


def interleaved(
    works: Mapping[K, Callable[[], object]], rounds: int, title: str, quiet: bool
) -> dict[K, float]:
    """Time several pieces of work against each other.

    Whatever else the machine does, and however warm it is, meets all of them alike.

    Args:
        works: what to run; each runs once before it counts, to compile, allocate and warm caches.
        rounds: how often each is timed.
        title: of the progress bar.
        quiet: no progress bar.

    Returns:
        The median milliseconds of each.
    """
    passed: dict[K, list[float]] = {key: [] for key in works}
    with tqdm(total=(rounds + 1) * len(works), desc=title, disable=quiet or None) as bar:
        for turn in range(rounds + 1):
            for key, work in works.items():
                start = time.perf_counter()
                work()
                if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
                    # What a GPU was asked for counts until it is done.
                    torch.cuda.synchronize()
                if turn:
                    passed[key].append(time.perf_counter() - start)
                bar.update()
    return {key: 1000 * statistics.median(times) for key, times in passed.items()}
