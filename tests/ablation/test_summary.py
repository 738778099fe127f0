"""Rows of variants: means over seeds, and their spread."""

import statistics

import pytest

from avfuse.ablation.plan import Cell, Plan
from avfuse.ablation.summary import summarise
from avfuse.ablation.table import tables
from avfuse.evaluation.score import Scores

SEEDS = (0, 1, 2)


def row(method, value, group="procedural"):
    scores = dict.fromkeys(Scores._fields, value)
    return {"group": group, "method": method, "clips": 4, "intervals": {}, **scores, "eyes": None}


def result(value):
    rows = [row("truth", 9.0), row("copy input", 0.0), row("model", value)]
    return {"rows": rows, "translation": [value, value / 2], "curve": [{"epoch": 0, "gain": value}]}


@pytest.fixture
def summary(tmp_path):
    values = {"a": (1.0, 2.0, 4.0), "b": (0.5,)}
    plan = Plan("T", {"a": {}, "b": {}, "never ran": {}}, translation=(0.0, 0.2))
    cells = [Cell(v, s, tmp_path) for v, found in values.items() for s in SEEDS[: len(found)]]
    results = [result(x) for found in values.values() for x in found]
    failed = [{"cell": "never ran, seed 0", "reason": "no | luck"}]
    return {"title": "T", "failed": failed, **summarise(plan, cells, results)}


def test_means_and_spread_over_seeds(summary):
    rows = {r["method"]: r for r in summary["rows"]}
    assert list(rows) == ["truth", "copy input", "a", "b"]
    assert rows["a"]["lmd"] == pytest.approx(statistics.mean((1, 2, 4)))
    assert rows["a"]["spread"]["lmd"] == pytest.approx(statistics.stdev((1, 2, 4)))
    assert rows["a"]["seeds"] == 3
    assert rows["a"]["eyes"] is None
    assert "eyes" not in rows["a"]["spread"]


def test_what_was_not_trained_has_no_seeds_and_one_seed_no_spread(summary):
    rows = {r["method"]: r for r in summary["rows"]}
    assert (rows["truth"]["seeds"], rows["truth"]["spread"]) == (0, {})
    assert (rows["b"]["seeds"], rows["b"]["spread"]) == (1, {})


def test_the_table_says_all_of_it(summary):
    text = tables(summary)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in lines}) == 1
    assert "2.33 ± 1.53" in text
    assert "- failed: never ran, seed 0: no | luck" in text


def test_a_pipe_in_a_name_does_not_break_the_table(summary):
    summary["rows"][-1]["method"] = "a|b"
    assert r"| a\|b |" in tables(summary)


def test_variants_may_be_tested_on_groups_of_their_own(tmp_path):
    plan = Plan("T", {"a": {}, "b": {}})
    cells = [Cell(v, 0, tmp_path) for v in plan.variants]
    results = [
        {"rows": [row(m, 1.0, group) for m in ("truth", "model")], "translation": [], "curve": []}
        for group in ("seen", "unseen")
    ]
    rows = summarise(plan, cells, results)["rows"]
    assert [(r["group"], r["method"]) for r in rows] == [
        ("seen", "truth"), ("seen", "a"), ("unseen", "truth"), ("unseen", "b"),
    ]  # fmt: skip


def test_translation_is_kept_by_variant_and_seed(summary):
    assert summary["translation"] == {"a": [[1, 0.5], [2, 1], [4, 2]], "b": [[0.5, 0.25]]}
