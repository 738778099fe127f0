"""Turns are taken, the first round does not count, and the figure is the median."""

import pytest

from avfuse.bench import measure


class Clock:
    """Passes only while somebody works."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    return clock


def test_median_without_the_first_round(clock):
    def worker(*durations):
        left = iter(durations)

        def work():
            clock.now += next(left)

        return work

    works = {"steady": worker(9, 1, 1, 1), "jumpy": worker(9, 2, 50, 3)}
    assert measure.interleaved(works, 3, "", quiet=True) == {"steady": 1000, "jumpy": 3000}


def test_takes_turns():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "abc"}
    measure.interleaved(works, 2, "", quiet=True)
    assert order == list("abcabcabc")
