"""Moments at which lips have to be closed, by the sound, and what a model is scored for there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from avfuse import InputError
from avfuse.cli import main
from avfuse.evaluation import closures as listening
from avfuse.evaluation.closures import closures, middle, text_beside
from avfuse.evaluation.score import TRUTH
from avfuse.experts.speech.alignment import Aligner
from avfuse.experts.speech.phones import Phone


class Heard(Aligner):
    """An aligner that hears `a b a m` whatever is said, and remembers what it was told is."""

    def __init__(self, texts):
        self.texts = texts

    def label(self, waveform, text=None):
        self.texts.append(text)
        names = ("AA", "B", "AA", "M", "SIL")
        return [Phone(name, 0.2 * i, 0.2 * i + 0.2) for i, name in enumerate(names)]


@pytest.fixture
def texts(monkeypatch):
    """What such an aligner is told."""
    told = []
    monkeypatch.setattr(listening, "Aligner", lambda: Heard(told))
    return told


def test_the_middle_of_every_bilabial(folder, texts):
    (moments,) = closures({"anna/one": folder / "anna" / "one.mp4"}, quiet=True).values()
    assert moments == pytest.approx((0.3, 0.7))
    assert texts == [None]


def test_text_beside_the_video_is_what_is_aligned(folder, texts, tmp_path):
    video = Path(shutil.copy(folder / "anna" / "one.mp4", tmp_path))
    video.with_suffix(".txt").write_text("Mama, bin blue.\n")
    closures({"one": video}, quiet=True)
    assert texts == ["Mama, bin blue.\n"]


def test_grid_s_words_are_a_text(tmp_path):
    (tmp_path / "one.align").write_text("0 11250 sil\n11250 20250 set\n20250 27750 blue\n")
    assert text_beside(tmp_path / "one.mpg") == "set blue"
    assert text_beside(tmp_path / "two.mpg") is None


def test_no_sound_has_no_closures(made, speakers, texts, tmp_path):
    video = made.video(tmp_path / "mute.mp4", speakers["anna"], sound=False)
    assert closures({"mute": video}, quiet=True) == {"mute": ()}


def test_the_middle_of_a_phone():
    assert middle(Phone("M", 1.0, 1.5)) == 1.25


def test_the_judge_sees_drawn_lips_close(judge, twins, target):
    """Read off the frames, where the mouth was drawn shut; a photo's mouth never shuts."""
    opening = target.aperture - target.aperture.min()
    shut = target.times[opening < 0.05 * opening.max()]
    known = target._replace(closures=tuple(shut.tolist()))
    videos = {TRUTH: target.truth, "late": np.roll(target.truth, 6, 0)}
    scores = judge.scores(known, videos)
    assert scores[TRUTH].closure_share > 0.9
    assert scores[TRUTH].closure_gap < 0.15
    assert scores["late"].closure_share < scores[TRUTH].closure_share


def test_nobody_listened_and_nothing_is_scored(judge, target):
    scores = judge.scores(target, {TRUTH: target.truth})[TRUTH]
    assert np.isnan([scores.closure_gap, scores.closure_share]).all()


@pytest.fixture
def words(folder, cache, model, tmp_path):
    words = ["evaluate", "--model", str(model), "--clips", str(folder), "--cache", str(cache)]
    return [*words, "--output", str(tmp_path / "metrics.json")]


def test_only_who_asks_has_the_table(words, texts, tmp_path, capsys):
    assert main(words) == 0
    plain = capsys.readouterr().out
    assert main([*words, "--closure"]) == 0
    asked = capsys.readouterr().out
    assert asked.startswith(plain.rstrip("\n"))
    assert "| clips | method | closure gap | closed |" in asked.removeprefix(plain.rstrip("\n"))
    rows = json.loads((tmp_path / "metrics.json").read_text())["rows"]
    assert all(row["closure_share"] is not None for row in rows)


def test_folders_can_be_listened_to(folder, texts, tmp_path):
    output = tmp_path / "metrics.json"
    words = ["evaluate", "--generated", str(folder), "--reference", str(folder), "--closure"]
    assert main([*words, "--output", str(output), "--quiet"]) == 0
    rows = json.loads(output.read_text())["rows"]
    true, made = (next(r for r in rows if r["method"] == m) for m in ("truth", "generated"))
    assert made["closure_gap"] == pytest.approx(true["closure_gap"], abs=0.05)


def test_without_pocketsphinx_it_says_what_to_install(words, monkeypatch, capsys):
    def missing():
        raise InputError("labels of speech need pocketsphinx; install avfuse[speech]")

    monkeypatch.setattr(listening, "Aligner", missing)
    assert main([*words, "--closure"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "avfuse[speech]" in line
