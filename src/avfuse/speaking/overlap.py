"""Stages that overlap: an iterator that runs ahead of whoever takes its items."""

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

import torch

T = TypeVar("T")


class _Ended(NamedTuple):
    error: BaseException | None


@contextmanager
def ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Let an iterator run in a thread of its own, ahead by so many items at most.

    Nothing is copied. An exception of the iterator is raised where its next item would have been
    taken, with its own traceback. When the block ends, however it does, the thread stops after the
    item that it is at, closes the iterator if that is a generator, and is joined: nest the blocks
    of stages that feed each other in order, so that the last stage stops first.

    Args:
        items: to be made; nobody else may take from it.
        depth: items that are ready at most; one more is being made only while there is room.

    Yields:
        the same items, in order.
    """
    room, made = threading.Semaphore(depth - 1), SimpleQueue[tuple[T] | _Ended]()
    stopped = threading.Event()
    thread = threading.Thread(
        target=_make,
        args=(items, room, made, stopped, torch.get_num_threads()),
        name="avfuse-ahead",
        daemon=True,
    )
    thread.start()
    try:
        yield _taken(room, made)
    finally:
        stopped.set()
        room.release()
        thread.join()


def _make(
    items: Iterable[T],
    room: threading.Semaphore,
    made: "SimpleQueue[tuple[T] | _Ended]",
    stopped: threading.Event,
    threads: int,
) -> None:
    error = None
    try:
        # A new thread would take whatever another has set a moment ago, and keep it.
        torch.set_num_threads(threads)
        for item in items:
            made.put((item,))
            del item  # or it would live here until the next one is made
            room.acquire()
            if stopped.is_set():
                break
        if isinstance(items, Generator):
            items.close()
    except BaseException as raised:
        error = raised
    made.put(_Ended(error))


def _taken(room: threading.Semaphore, made: "SimpleQueue[tuple[T] | _Ended]") -> Iterator[T]:
    while True:
        item = made.get()
        if isinstance(item, _Ended):
            break
        room.release()
        yield item[0]
        del item  # it is not held while the next one is waited for
    if item.error is not None:
        raise item.error
