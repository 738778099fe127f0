"""A stage in a thread of its own: order, bounds, exceptions, and an end whenever it is wanted."""

import threading
import traceback

import pytest
import torch

from avfuse.speaking.overlap import ahead

DEPTH = 3


def running():
    return [t for t in threading.enumerate() if t.name == "avfuse-ahead"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert running() == []


class Source:
    """Numbers without end, that remember what became of them."""

    def __init__(self) -> None:
        self.made, self.closed_by = 0, None
        self.reached = threading.Condition()

    def items(self):
        try:
            while True:
                with self.reached:
                    self.made += 1
                    self.reached.notify_all()
                yield self.made
        finally:
            self.closed_by = threading.current_thread().name

    def wait_for(self, made):
        with self.reached:
            assert self.reached.wait_for(lambda: self.made >= made, timeout=30)


def test_gives_the_very_same_items_in_order():
    given = [object() for _ in range(100)]
    with ahead(given, DEPTH) as items:
        assert all(a is b for a, b in zip(items, given, strict=True))


@pytest.mark.parametrize("depth", [1, 3])
def test_runs_ahead_and_no_further(depth):
    source = Source()
    with ahead(source.items(), depth) as items:
        for taken in range(20):
            source.wait_for(taken + depth)  # without anybody asking
            assert source.made <= taken + depth
            assert next(items) == taken + 1


def test_an_exception_comes_where_its_item_would_with_its_own_traceback():
    def failing():
        yield 1
        raise LookupError("nothing there")

    with ahead(failing(), DEPTH) as items:
        assert next(items) == 1
        with pytest.raises(LookupError, match="nothing there") as raised:
            next(items)
        assert "failing" in [f.name for f in traceback.extract_tb(raised.value.__traceback__)]
        assert list(items) == []


def test_an_interruption_comes_through_too():
    def interrupted():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt), ahead(interrupted(), DEPTH) as items:
        next(items)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_consumer_that_fails_stops_it(error):
    source = Source()
    with pytest.raises(error), ahead(source.items(), DEPTH) as items:
        next(items)
        raise error
    assert source.closed_by == "avfuse-ahead"
    assert source.made <= 1 + DEPTH


def test_stages_that_feed_each_other_stop_together():
    source = Source()
    with ahead(source.items(), 1) as first, ahead((2 * n for n in first), 2) as second:
        assert [next(second) for _ in range(5)] == [2, 4, 6, 8, 10]
    assert source.closed_by == "avfuse-ahead"


def test_what_was_taken_is_not_held():
    class Item:
        alive = 0

        def __init__(self):
            Item.alive += 1

        def __del__(self):
            Item.alive -= 1

    most = 0
    with ahead((Item() for _ in range(50)), DEPTH) as items:
        for item in items:
            most = max(most, Item.alive)
            del item
    assert most <= 1 + DEPTH
    assert Item.alive == 0


def test_computes_with_as_many_threads_as_its_caller():
    """Not with what a third has set for itself, which torch makes that of every new thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    other = threading.Thread(target=torch.set_num_threads, args=(1,))
    other.start()
    other.join()
    try:
        with ahead((torch.get_num_threads() for _ in range(1)), DEPTH) as items:
            assert next(items) == 3
    finally:
        torch.set_num_threads(before)
