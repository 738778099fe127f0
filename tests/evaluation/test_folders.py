"""Videos of any system against the true ones."""

import math

import numpy as np
import pytest

from avfuse import InputError
from avfuse.evaluation.folders import COPY, GENERATED, FilePair, file_pairs
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.task import SIZE


@pytest.fixture(scope="module")
def reference(tmp_path_factory, made, speakers):
    path = tmp_path_factory.mktemp("reference") / "anna.mp4"
    return made.video(path, speakers["anna"], crf=8)


@pytest.fixture
def generated(tmp_path, made, speakers, reference):
    """A version of the reference, and the pair of both."""

    def make(change=lambda frames: frames, name="anna.mkv", keep=slice(None)):
        clip = speakers["anna"]
        times = clip.times[keep]
        length = len(clip.waveform) * len(times) // len(clip.times)
        frames = change(clip.frames[keep].copy())
        altered = clip._replace(frames=frames, times=times, waveform=clip.waveform[:length])
        return FilePair("anna", made.video(tmp_path / name, altered, crf=8), reference)

    return make


def scores(judge, pair):
    shown = pair.show(pair.methods)
    return judge.scores(shown.target, shown.videos), shown


def test_the_face_is_found_and_cropped(generated, judge):
    results, shown = scores(judge, generated())
    assert list(results) == [TRUTH, COPY, GENERATED]
    assert shown.target.truth.shape == (11, SIZE, SIZE, 3)
    assert shown.note == ""
    middle = shown.target.landmarks[:, 48:68].mean((0, 1))
    assert middle == pytest.approx([64, 77], abs=8)  # where the network's square has the mouth
    assert results[TRUTH].aperture > 0.9
    assert math.isnan(results[GENERATED].eyes)


def test_a_good_copy_scores_above_a_bad_one(generated, judge):
    def late(frames):
        return np.roll(frames, 2, 0)

    good, bad = (scores(judge, generated(change))[0] for change in (lambda f: f, late))
    assert good[GENERATED].mouth_psnr > 35 > bad[GENERATED].mouth_psnr
    assert good[GENERATED].over_copy > max(3, bad[GENERATED].over_copy)
    assert good[GENERATED].lmd < bad[GENERATED].lmd
    assert good[GENERATED].aperture > bad[GENERATED].aperture


def test_sound_is_the_references(generated, judge):
    shown = generated().show((GENERATED,))
    assert shown.target.mel.shape[1] == pytest.approx(1.2 * 80, abs=3)
    assert list(shown.videos) == [GENERATED]


def test_a_frame_too_few_is_nothing_to_speak_of(generated):
    shown = generated(keep=slice(10)).show((TRUTH,))
    assert (len(shown.videos[TRUTH]), shown.note) == (9, "")


def test_many_too_few_are_said(generated):
    shown = generated(keep=slice(8)).show((TRUTH,))
    assert len(shown.videos[TRUTH]) == 7
    assert shown.note == "8 frames generated, 12 true; what goes beyond the shorter is not compared"


def test_a_silent_reference_has_no_sync(tmp_path, made, speakers):
    path = made.video(tmp_path / "silent.mp4", speakers["anna"], sound=False)
    assert FilePair("silent", path, path).show((TRUTH,)).target.mel is None


def test_another_size_is_refused(generated):
    pair = generated(lambda frames: np.ascontiguousarray(frames[:, :128, :128]))
    with pytest.raises(InputError, match=r"is 128x128, the reference 160x160; scale one"):
        pair.show((TRUTH,))


def test_another_frame_rate_is_refused(generated, made, speakers, tmp_path):
    clip = speakers["anna"]
    fast = clip._replace(times=clip.times / 2, waveform=clip.waveform[: len(clip.waveform) // 2])
    path = made.video(tmp_path / "fast.mp4", fast)
    with pytest.raises(InputError, match=r"20 frames a second, the reference 10"):
        FilePair("anna", path, generated().reference).show((TRUTH,))


def test_a_reference_without_a_face_is_refused(tmp_path, made, speakers):
    grey = speakers["anna"]._replace(frames=np.full_like(speakers["anna"].frames, 90))
    path = made.video(tmp_path / "grey.mp4", grey)
    with pytest.raises(InputError, match=r"grey\.mp4: no face found"):
        FilePair("grey", path, path).show((TRUTH,))


class TestPairs:
    @pytest.fixture
    def folders(self, tmp_path):
        def make(generated, reference):
            for folder, names in (("generated", generated), ("reference", reference)):
                for name in names:
                    path = tmp_path / folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
            return tmp_path / "generated", tmp_path / "reference"

        return make

    def test_by_name_whatever_the_container(self, folders):
        pairs, alone = file_pairs(*folders(["b.mp4", "s/a.mkv"], ["b.mpg", "s/a.mov"]))
        assert [(p.clip, p.generated.suffix, p.reference.suffix) for p in pairs] == [
            ("b", ".mp4", ".mpg"),
            ("s/a", ".mkv", ".mov"),
        ]
        assert alone == []

    def test_those_without_a_partner_are_named(self, folders):
        _, alone = file_pairs(*folders(["a.mp4", "b.mp4"], ["b.mp4", "c.mp4"]))
        assert [skipped.clip for skipped in alone] == ["a", "c"]
        assert ["reference" in alone[0].reason, "generated" in alone[1].reason] == [True, True]

    def test_two_of_one_name_are_refused(self, folders):
        with pytest.raises(InputError, match=r"a\.mkv and .*a\.mp4 have one name"):
            file_pairs(*folders(["a.mp4", "a.mkv"], ["a.mp4"]))
