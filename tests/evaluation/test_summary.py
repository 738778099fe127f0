"""Means, and what tables show of them."""

from avfuse.evaluation.score import Scores
from avfuse.evaluation.summary import summarise
from avfuse.evaluation.table import tables


def row(method="model", group="all", clip="a", **scores):
    return {
        "group": group,
        "clip": clip,
        "method": method,
        **dict.fromkeys(Scores._fields),
        **scores,
    }


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
