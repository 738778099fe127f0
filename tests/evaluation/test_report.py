"""The report: one file, with nothing to load, that a browser can read."""

import base64
from html.parser import HTMLParser
from io import BytesIO

import av
import numpy as np
import pytest

from avfuse.evaluation.case import Shown
from avfuse.evaluation.report import report, worst_first
from avfuse.evaluation.score import Scores
from avfuse.evaluation.sidebyside import video_url
from avfuse.evaluation.summary import summarise

METHODS = ("truth", "copy", "made")
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Drawn:
    """A clip whose videos are plain colours."""

    group, methods, key = "all", METHODS, ""
    panels = METHODS[0], METHODS[-1]

    def __init__(self, clip, target):
        self.clip, self.target = clip, target

    def show(self, methods):
        levels = dict(zip(METHODS, (40, 120, 200), strict=True))
        shape = self.target.truth.shape
        videos = {name: np.full(shape, levels[name], np.uint8) for name in methods}
        return Shown(self.target, videos)


class Page(HTMLParser):
    """Collects what a page holds, and that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def cases(target):
    return [Drawn(f"<{name}> & co", target) for name in "abcdefgh"]


@pytest.fixture
def metrics(cases):
    """Clip a gains least, h has no gain at all."""
    rows = []
    for i, case in enumerate(cases):
        for method in METHODS:
            scores = dict.fromkeys(Scores._fields)
            if method != "truth":
                scores |= {"mouth_psnr": 20.0 + i, "lmd": 1.0}
                scores["over_copy"] = None if i == 7 else float(i * (method == "made"))
            rows.append({"group": "all", "clip": case.clip, "method": method, **scores})
    skipped = [{"clip": "x", "reason": "cut <short>"}]
    head = {"avfuse": "0", "protocol": "dubbing", "model": "a<b"}
    return {**head, "rows": summarise(rows), "clips": rows, "skipped": skipped, "notes": []}


@pytest.fixture
def page(metrics, cases):
    return Page(report(metrics, cases))


def test_is_well_formed_and_escaped(page):
    assert page.open == []
    text = "".join(page.text)
    assert "<a> & co (all)" in text
    assert "model a<b" in text
    assert "cut <short>" in text


def test_loads_nothing(page):
    assert not page.all("script") + page.all("link") + page.all("img") + page.all("iframe")
    places = [v for _, a in page.found for k, v in a.items() if k in {"src", "href", "poster"}]
    assert places
    assert all(place.startswith("data:") for place in places)
    style = "".join(page.text)
    assert "url(" not in style
    assert "@import" not in style


def test_follows_light_and_dark(metrics, cases):
    assert "prefers-color-scheme: dark" in report(metrics, cases)


def test_the_worst_come_first(metrics, cases):
    ranked = [case.clip[1] for case, _ in worst_first(metrics["clips"], cases)]
    assert ranked == list("abcdefgh")
    backward = [case.clip[1] for case, _ in worst_first(metrics["clips"], cases[::-1])]
    assert backward == list("abcdefgh")
    text = report(metrics, cases[::-1])
    shown = [text.index(f"&lt;{name}&gt; &amp; co (all)") for name in "abcdhg"]
    assert shown == sorted(shown)  # four worst, then the best first


def test_every_score_that_exists_is_drawn_for_every_clip(page):
    plots = page.all("svg")
    assert len(plots) == 3  # mouth PSNR, over copy, LMD
    assert len(page.all("circle")) == 2 * 8 + 2 * 7 + 2 * 8
    for circle in page.all("circle"):
        assert 130 <= float(circle["cx"]) <= 400


def test_videos_stand_side_by_side(cases):
    url = video_url(cases[0].show(METHODS))
    head, content = url.split(",")
    assert head == "data:video/mp4;base64"
    with av.open(BytesIO(base64.b64decode(content))) as container:
        assert not container.streams.audio
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == len(cases[0].target.truth)
    assert frames[0].shape == (128, 3 * 128, 3)
    middles = [frames[5][64, 64 + 128 * i].mean() for i in range(3)]
    assert middles == pytest.approx([40, 120, 200], abs=6)


def test_three_clips_are_shown_once_each(metrics, cases):
    few = cases[:3]
    kept = {case.clip for case in few}
    rows = [row for row in metrics["clips"] if row["clip"] in kept]
    page = Page(report({**metrics, "clips": rows, "rows": summarise(rows)}, few))
    assert len(page.all("video")) == 3
    assert "Best clips" not in "".join(page.text)


def test_a_row_without_any_of_a_tables_scores_is_not_in_it(metrics, cases):
    """The copy was listened to, the truth was not."""
    for row in metrics["clips"]:
        row["closure_share"] = None if row["method"] == "truth" else 0.5
    metrics["rows"] = summarise(metrics["clips"])
    tables = report(metrics, cases).split("<table>")[1:4]
    assert ["<td>truth</td>" in table for table in tables] == [False, False, False]
    assert ["<td>made</td>" in table for table in tables] == [True, True, True]
    assert "closed" in tables[2]
