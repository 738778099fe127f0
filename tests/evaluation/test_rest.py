"""Models hear rooms in which nobody speaks, where that is asked for."""

import json

import numpy as np
import pytest

from avfuse.cli import main
from avfuse.evaluation.first_frame import FIRST_FRAME
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.spoken import QUIET, spoken_clips


@pytest.fixture(scope="module")
def shown(folder, cache, listening):
    from avfuse.data.preprocess import source_clips

    groups = {"all": source_clips(folder, None, cache)[:1]}
    (case,), _ = spoken_clips(groups, [Judged(listening)], FIRST_FRAME, rest=True, quiet=True)
    return case.show(("model, silence", "model"))


def test_silence_is_the_control_s(shown):
    np.testing.assert_array_equal(
        shown.quiet["model"]["rest_silence"], shown.videos["model, silence"]
    )


def test_louder_rooms_are_heard_more(shown):
    silence = shown.quiet["model"]["rest_silence"].astype(int)
    change = [np.abs(shown.quiet["model"][score] - silence).mean() for score in QUIET]
    assert change[0] == 0
    assert change == sorted(change)
    assert change[-1] > change[1]


def test_the_judge_reads_lips_that_rest(judge, target):
    """The true mouth moves as much as itself; a photo's rests; one that stops halfway, between."""
    held = target.truth.copy()
    held[len(held) // 2 :] = held[len(held) // 2]
    scores = judge.rest(target.truth, {"same": target.truth, "photo": target.copy, "held": held})
    assert scores["same"] == 1
    assert scores["photo"] == 0
    assert 0.2 < scores["held"] < 0.8


def test_only_who_asks_has_the_table(folder, cache, model, tmp_path, capsys):
    words = ["evaluate", "--model", str(model), "--clips", str(folder), "--cache", str(cache)]
    words += ["--unseen", "anna", "--output", str(tmp_path / "metrics.json")]
    assert main(words) == 0
    plain = capsys.readouterr().out.rstrip("\n")
    assert main([*words, "--rest"]) == 0
    asked = capsys.readouterr().out
    assert asked.startswith(plain)
    head = "| clips | method | rest: silence | rest: -55 dBFS | rest: -45 dBFS | rest: -35 dBFS |"
    assert head in asked.removeprefix(plain)
    rows = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert {row["method"] for row in rows if row["rest_silence"] is not None} <= {"model"}
    assert rows[-1]["rest_silence"] == 0  # of a photo, that hears nothing


def test_videos_know_no_rest(folder, tmp_path, capsys):
    words = ["evaluate", "--clips", str(folder), "--output", str(tmp_path / "metrics.json")]
    assert main([*words, "--protocol", "videos", "--rest"]) == 2
    assert "rest goes with --protocol first-frame or dubbing" in capsys.readouterr().err
