"""Means and intervals, against closed forms."""

import math

import numpy as np
import pytest

from avfuse.evaluation.score import Scores
from avfuse.evaluation.summary import interval, summarise
from avfuse.evaluation.table import tables


def row(method="model", group="all", clip="a", **scores):
    return {
        "group": group,
        "clip": clip,
        "method": method,
        **dict.fromkeys(Scores._fields),
        **scores,
    }


class TestInterval:
    def test_is_the_normal_one_for_many_values(self):
        """The mean of n normal numbers lies within 1.96 σ / √n of the truth 19 times in 20."""
        values = np.random.default_rng(1).normal(30, 2, 400)
        low, high = interval(values)
        assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.02)
        assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(400), rel=0.05)

    def test_covers_the_true_mean_about_as_often_as_it_says(self):
        rng = np.random.default_rng(2)
        ends = [interval(rng.normal(size=40)) for _ in range(200)]
        assert 0.88 < np.mean([low < 0 < high for low, high in ends]) < 0.99

    def test_is_the_same_every_time(self):
        values = np.array([1.0, 2.0, 4.0])
        assert interval(values) == interval(values)

    def test_one_clip_has_none(self):
        assert interval(np.array([3.0])) is None

    def test_of_equal_values_is_a_point(self):
        assert interval(np.full(5, 2.5)) == [2.5, 2.5]


class TestSummary:
    def test_means_are_over_the_clips_that_have_the_score(self):
        rows = [row(clip="a", lmd=1.0, psnr=30.0), row(clip="b", lmd=2.0), row(clip="c", lmd=6.0)]
        (mean,) = summarise(rows)
        assert (mean["clips"], mean["lmd"], mean["psnr"], mean["ssim"]) == (3, 3.0, 30.0, None)
        assert mean["intervals"].keys() == {"lmd", "psnr"}
        assert mean["intervals"]["psnr"] is None
        low, high = mean["intervals"]["lmd"]
        assert 1 <= low < 3 < high <= 6

    def test_groups_and_methods_keep_their_order(self):
        rows = [row(m, g, c) for g in ("seen", "unseen") for c in "ab" for m in ("truth", "model")]
        names = [(r["group"], r["method"], r["clips"]) for r in summarise(rows)]
        assert names == [(g, m, 2) for g in ("seen", "unseen") for m in ("truth", "model")]


def test_tables_show_means_intervals_and_what_is_missing():
    text = tables(summarise([row(clip="a", mouth_psnr=30.0), row(clip="b", mouth_psnr=31.0)]))
    picture, lips = text.split("\n\n")
    assert "mouth PSNR dB" in picture
    assert "LMD px" in lips
    assert "| all (2) | model | 30.50 [30.00, 31.00] | - |" in picture
    assert len({line.count("|") for line in picture.splitlines()}) == 1


def test_what_was_asked_for_has_a_table_of_the_rows_that_have_it():
    rows = [row("truth", psnr=1.0, lmd=1.0), row(psnr=2.0, lmd=2.0, rest_55=0.25)]
    _, _, asked = tables(summarise(rows)).split("\n\n")
    assert asked.splitlines() == [
        "| clips | method | rest: -55 dBFS |",
        "| --- | --- | --- |",
        "| all (1) | model | 0.25 |",
    ]
    assert tables(summarise(rows[:1])).count("\n\n") == 1
