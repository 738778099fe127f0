"""Where the time goes, by a clock that the test turns."""

import threading

import pytest

from avfuse.speaking.stopwatch import Stopwatch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


def test_each_second_is_counted_once(clock):
    watch = Stopwatch()
    with watch.stage("outer"):
        clock.pass_(1)
        with watch.stage("inner"):
            clock.pass_(2)
        clock.pass_(4)
        with watch.stage("inner"):
            clock.pass_(8)
    assert watch.seconds == {"inner": 10, "outer": 5}


def test_items_are_counted_while_they_are_made_and_not_while_they_are_used(clock):
    def items():
        for number in range(3):
            clock.pass_(1)
            yield number

    watch = Stopwatch()
    used = []
    for item in watch.through("made", items()):
        clock.pass_(10)
        used.append(item)
    assert used == [0, 1, 2]
    assert watch.seconds["made"] == 3


def test_one_stream_inside_another(clock):
    def source():
        for number in range(2):
            clock.pass_(1)
            yield number

    def doubled(items):
        for item in items:
            clock.pass_(5)
            yield 2 * item

    watch = Stopwatch()
    inner = watch.through("inner", source())
    assert list(watch.through("outer", doubled(inner))) == [0, 2]
    assert watch.seconds == {"inner": 2, "outer": 10}


def test_an_exception_is_counted_too(clock):
    watch = Stopwatch()
    with pytest.raises(ValueError, match="stop"), watch.stage("failing"):
        clock.pass_(3)
        raise ValueError("stop")
    assert watch.seconds == {"failing": 3}


def test_waiting_is_no_work(clock):
    def slow():
        for number in range(2):
            clock.pass_(3)
            yield number

    def doubled(items):
        for item in items:
            clock.pass_(5)
            yield 2 * item

    watch = Stopwatch()
    assert list(watch.through("outer", doubled(watch.through(None, slow())))) == [0, 2]
    assert watch.seconds == {"outer": 10}


def test_threads_do_not_take_from_each_other(clock):
    """A stage that begins in one thread while another's is open is not inside it."""
    watch = Stopwatch()

    def work():
        with watch.stage("other"):
            clock.pass_(2)

    with watch.stage("this"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        clock.pass_(1)
    assert watch.seconds == {"other": 2, "this": 3}
