"""The report: one file, with nothing to load."""

from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from avfuse.ablation.plan import Cell, Plan
from avfuse.ablation.report import report
from avfuse.ablation.summary import summarise
from avfuse.evaluation.score import Scores

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Collects elements, and checks that each is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    plan = Plan("A <title>", {"a": {}, "b": {}}, translation=(0.0, 0.2))
    cells = [Cell(v, s, tmp_path / v / str(s)) for v in plan.variants for s in (0, 1)]
    rows = [
        {"group": "procedural", "method": m, "clips": 1, **dict.fromkeys(Scores._fields, 1.0)}
        for m in ("truth", "copy input", "model")
    ]
    curve = [{"epoch": e, "val/seen/gain": e} for e in (4, 9, 14)]  # validated every fifth epoch
    results = [{"rows": rows, "translation": [1.0, 0.5], "curve": curve} for _ in cells]
    results[-1]["curve"] = [{"epoch": 4}, *curve[1:]]  # a score that did not exist
    for cell in cells:
        cell.folder.mkdir(parents=True)
        for name in ("truth", "given", "made", "mask"):
            picture = np.full((8, 16, 3), 200, np.uint8)
            cv2.imwrite(str(cell.folder / f"procedural-{name}.jpg"), picture)
    failed = [{"cell": "b, seed 2", "reason": "it <broke>"}]
    head = {"avfuse": "0", "title": plan.title, "protocol": "dubbing", "failed": failed}
    return Page(report({**head, **summarise(plan, cells, results)}, cells))


def test_every_element_is_closed_and_nothing_is_loaded(page):
    assert page.open == []
    assert not [t for t, _ in page.found if t in {"script", "link", "iframe"}]
    assert all(a["src"].startswith("data:") for t, a in page.found if t == "img")


def test_it_shows_frames_masks_and_both_plots(page):
    pictures = [a["alt"] for t, a in page.found if t == "img"]
    assert pictures == ["truth", "given", "a", "", "b", ""]
    assert [a["aria-label"] for t, a in page.found if t == "svg"] == [
        "dB over copy over face moved up, % of the crop",
        "gain dB over epoch",
    ]


def test_a_curve_stands_at_its_epochs_where_all_have_one(page):
    assert "epochgain dB" in page.text
    assert "1015epoch" in page.text


def test_what_failed_is_said(page):
    assert "b, seed 2: it <broke>" in page.text
    assert "A <title>" in page.text
