"""Line plots that a browser can draw."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from avfuse.ablation.plot import line_plot


def paths(svg):
    root = ET.fromstring(svg)
    drawn = [p.attrib["d"] for p in root.iter("path") if p.attrib.get("fill") == "none"]
    return [[tuple(map(float, xy.split())) for xy in re.split("[ML]", d) if xy] for d in drawn]


def test_a_line_is_the_mean_over_seeds_and_higher_is_up():
    svg = line_plot(
        [0.0, 1.0, 2.0], {"a": [[0.0, 1.0, 2.0], [0.0, 3.0, 6.0]], "b": [[0.0] * 3]}, "x", "y"
    )
    first, second = paths(svg)
    assert len(first) == len(second) == 3
    heights = [y for _, y in first]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[2] < heights[0]  # pixels count downward
    assert [x for x, _ in first] == [x for x, _ in second]


def test_names_do_not_lie_on_one_another():
    svg = line_plot([0.0, 1.0], {name: [[0.0, 1.0]] for name in "abc"}, "x", "y")
    root = ET.fromstring(svg)
    heights = sorted(float(t.attrib["y"]) for t in root.iter("text") if t.text in set("abc"))
    assert all(b - a >= 12 for a, b in itertools.pairwise(heights))


def test_names_are_escaped():
    assert "a&lt;b" in line_plot([0.0, 1.0], {"a<b": [[0.0, 1.0]]}, "x", "y")


@pytest.mark.parametrize(
    ("x", "lines"), [([], {"a": [[]]}), ([0.0], {"a": [[1.0]]}), ([0.0, 1.0], {})]
)
def test_nothing_to_draw_is_nothing(x, lines):
    assert line_plot(x, lines, "x", "y") == ""
