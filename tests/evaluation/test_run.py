"""The loop: what it gives, how it goes on, and what it does about a clip that is broken."""

import copy
import json

import numpy as np
import pytest

from avfuse import InputError
from avfuse.data.preprocess import make_clip, source_clips
from avfuse.evaluation.case import Skipped
from avfuse.evaluation.dubbing import DUBBING
from avfuse.evaluation.first_frame import FIRST_FRAME
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.kept import Kept
from avfuse.evaluation.run import run
from avfuse.evaluation.score import Judge, Scores
from avfuse.evaluation.spoken import spoken_clips


@pytest.fixture
def kept(tmp_path):
    return Kept(tmp_path / "metrics.json.part")


@pytest.fixture
def cases(sources, generator):
    found, skipped = spoken_clips({"all": sources}, [Judged(generator)], FIRST_FRAME, quiet=True)
    assert not skipped
    return found


class StoppedError(Exception):
    """Somebody pulled the plug."""


class Counting(Judge):
    """A judge that counts, and is stopped after so many clips."""

    def __init__(self, judge, most=99):
        self.__dict__.update(judge.__dict__)
        self.count, self.most = 0, most

    def scores(self, target, videos):
        if self.count == self.most:
            raise StoppedError
        self.count += 1
        return super().scores(target, videos)


def test_rows_for_every_method_and_clip(cases, judge, kept):
    metrics = run(cases, [], judge, kept, quiet=True)
    methods = ["truth", "copy first frame", "model, silence", "model, other sound", "model"]
    assert [row["method"] for row in metrics["rows"]] == methods
    assert [row["clips"] for row in metrics["rows"]] == [2] * 5
    assert [row["clip"] for row in metrics["clips"]] == ["anna/one"] * 5 + ["ben/one"] * 5
    assert all(set(Scores._fields) <= row.keys() for row in metrics["rows"] + metrics["clips"])
    assert metrics["rows"][1]["over_copy"] == 0
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_dubbing_has_its_own_baseline(sources, generator, judge, kept):
    found, _ = spoken_clips({"all": sources}, [Judged(generator)], DUBBING, quiet=True)
    rows = run(found[:1], [], judge, kept, quiet=True)["rows"]
    assert [row["method"] for row in rows][:2] == ["truth", "copy input"]
    assert rows[1]["eyes"] == 0  # it is what was given
    assert rows[-1]["eyes"] > 0  # the model of these tests brightens everything


def test_a_run_that_was_stopped_goes_on(cases, judge, kept, tmp_path):
    whole = run(cases, [], judge, Kept(tmp_path / "other.part"), quiet=True)
    with pytest.raises(StoppedError):
        run(cases, [], Counting(judge, most=1), kept, quiet=True)
    counting = Counting(judge)
    assert run(cases, [], counting, Kept(tmp_path / "metrics.json.part"), quiet=True) == whole
    assert counting.count == 1


def test_a_line_cut_short_is_done_again(cases, judge, tmp_path):
    path = tmp_path / "metrics.json.part"
    whole = run(cases, [], judge, Kept(path), quiet=True)
    path.write_text(path.read_text()[:-200])
    counting = Counting(judge)
    assert run(cases, [], counting, Kept(path), quiet=True) == whole
    assert counting.count == 1
    assert run(cases, [], Counting(judge, most=0), Kept(path), quiet=True) == whole


def test_nothing_is_kept_for_another_protocol_or_model(sources, cases, generator):
    keys = {case.key for case in cases}
    dubbed, _ = spoken_clips({"all": sources}, [Judged(generator)], DUBBING, quiet=True)
    trained = copy.deepcopy(generator)
    trained.heads[0].bias.data += 1e-3
    other, _ = spoken_clips({"all": sources}, [Judged(trained)], FIRST_FRAME, quiet=True)
    again, _ = spoken_clips(
        {"all": sources}, [Judged(copy.deepcopy(generator))], FIRST_FRAME, quiet=True
    )
    assert not keys & {case.key for case in dubbed}
    assert not keys & {case.key for case in other}
    assert keys == {case.key for case in again}


def test_a_clip_made_anew_is_scored_anew(folder, tmp_path, generator):
    (source,) = source_clips(folder / "anna", None, tmp_path)
    make_clip(source)
    (before,), _ = spoken_clips({"all": [source]}, [Judged(generator)], FIRST_FRAME, quiet=True)
    label = folder / "anna" / "one.npz"
    label.write_bytes(label.read_bytes())
    (source,) = source_clips(folder / "anna", None, tmp_path)
    (after,), _ = spoken_clips({"all": [source]}, [Judged(generator)], FIRST_FRAME, quiet=True)
    assert before.key != after.key


def test_a_clip_that_cannot_be_used_is_skipped_and_said(cases, judge, kept, made, capsys):
    class Broken:
        group, clip, key = "all", "carl/two", "k"
        methods = panels = cases[0].methods

        def show(self, methods):
            raise InputError("carl/two has\nno face")

    gone = Skipped("dora/one", "cut short")
    metrics = run([Broken(), cases[0]], [gone], judge, kept, quiet=True)
    assert metrics["skipped"] == [
        {"clip": "dora/one", "reason": "cut short"},
        {"clip": "carl/two", "reason": "carl/two has no face"},
    ]
    assert {row["clip"] for row in metrics["clips"]} == {"anna/one"}
    assert capsys.readouterr().err.splitlines() == [
        "avfuse: dora/one: skipped: cut short",
        "avfuse: carl/two: skipped: carl/two has no face",
    ]


def test_nothing_to_score_is_an_error(judge, kept):
    with pytest.raises(InputError, match=r"none of 1 clips could be scored.*d/one: cut short"):
        run([], [Skipped("d/one", "cut short")], judge, kept, quiet=True)


def test_the_controls_hear_something_else(sources, listening):
    judged = [Judged(listening)]
    first, second = spoken_clips({"all": sources}, judged, FIRST_FRAME, quiet=True)[0]
    assert (first.other, second.other) == (second.source, first.source)
    shown = first.show(("model, silence", "model, other sound", "model"))
    silence, other, model = shown.videos.values()
    # Within a level: the last frames are a smaller batch, which may round otherwise.
    assert np.ptp(silence.astype(int), 0).max() <= 1
    assert (other != model).any()
    assert np.abs(model.astype(int) - silence).max() > 1
    assert shown.masks.shape == (11, 64, 64)


def test_a_single_clip_is_played_backward(sources, listening):
    (case,), _ = spoken_clips({"all": sources[:1]}, [Judged(listening)], FIRST_FRAME, quiet=True)
    other, model = case.show(("model, other sound", "model")).videos.values()
    assert (other != model).any()
