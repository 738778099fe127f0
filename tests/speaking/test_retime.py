"""Retiming: the least of all paths, and what it is for."""

import itertools

import numpy as np
import pytest
import torch

from avfuse import generate
from avfuse.errors import InputError
from avfuse.faces.tracker import Face
from avfuse.fusion import NoFusion
from avfuse.geometry.box import Box
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.speaking.retime import Showing, Sounding, retimed, what_shows, what_sounds
from avfuse.video.read import frames


def showing(motion, blink=0.0, absent=0.0):
    motion = np.asarray(motion, float)
    return Showing(*(np.zeros_like(motion) + part for part in (motion, blink, absent)))


def frame_at(path, count):
    """Which frame is shown at each place of the order forth and back."""
    places = np.array(path) % (2 * count - 2)
    return np.minimum(places, 2 * count - 2 - places)


def cost(path, sounding, shown):
    """What the docstring says, by hand."""
    at = frame_at(path, len(shown.motion))
    held = 0.3 * sum(step != 1 for step in np.diff(path))
    seen = sounding.pause * shown.motion[at] + sounding.loud * shown.blink[at]
    return held + (seen + 5 * shown.absent[at]).sum()


def test_is_the_least_of_all_paths():
    rng = np.random.default_rng(0)
    for _ in range(5):
        sounding = Sounding(*rng.random((2, 5)))
        shown = Showing(*rng.random((2, 4)) * 2, (rng.random(4) < 0.3).astype(float))
        paths = (
            np.cumsum([start, *steps])
            for start in range(4)
            for steps in itertools.product((0, 1, 2), repeat=4)
        )
        best = min(cost(path, sounding, shown) for path in paths)
        assert cost(retimed(sounding, shown), sounding, shown) == pytest.approx(best)


def test_the_head_rests_in_a_pause():
    pause = np.repeat([0.0, 1.0, 0.0], 10)
    motion = np.where(np.arange(60) % 12 < 3, 0.0, 2.0)
    path = retimed(Sounding(pause, 1 - pause), showing(motion))
    assert motion[frame_at(path, 60)[10:20]].mean() < 0.5


def test_blinks_keep_away_from_loud_speech():
    blink = np.zeros(40)
    blink[8:10] = blink[24:26] = 3.0
    path = retimed(Sounding(np.zeros(30), np.ones(30)), showing(np.ones(40), blink))
    assert blink[frame_at(path, 40)].sum() == 0  # though thirty in a row have some


def test_without_a_reason_the_footage_runs():
    path = retimed(Sounding(np.zeros(200), np.zeros(200)), showing(np.ones(50)))
    assert (np.diff(path) == 1).all()


def test_frames_without_a_face_are_skipped():
    absent = np.zeros(20)
    absent[5] = 1.0
    path = retimed(Sounding(np.zeros(12), np.ones(12)), showing(np.ones(20), 0.0, absent))
    assert not absent[frame_at(path, 20)].any()


def test_long_sound_is_chosen_in_pieces():
    rng = np.random.default_rng(0)
    path = retimed(Sounding(rng.random(1600), rng.random(1600)), showing(rng.random(30)))
    assert len(path) == 1600
    assert set(np.diff(path)) <= {0, 1, 2}


def test_of_one_frame_there_is_one_way():
    assert (retimed(Sounding(np.ones(5), np.ones(5)), showing([0.0])) == 0).all()


def test_pauses_are_heard():
    time = torch.arange(16_000) / 16_000
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0)) * 0.1 * (time > 0.5)
    sounding = what_sounds(noise, 25.0)
    assert len(sounding.pause) == 25
    assert sounding.pause[:8].all()
    assert not sounding.pause[18:].any()
    assert sounding.loud[16:22].min() > 0.9


def test_motion_and_blinks_are_seen(person):
    box = Box(0.0, 0.0, 100.0, 100.0)
    points = np.repeat(person.landmarks[:1].astype(np.float32), 6, 0)
    points[3] += 5  # the head jumps, and comes back
    points[4, [37, 38, 43, 44], 1] = points[4, [41, 40, 47, 46], 1]  # the lids meet
    faces = [Face(box, 1.0, p) for p in points]
    found = what_shows([*faces, None])
    assert found.motion[2] > found.motion[0] == 0
    assert found.blink.tolist() == [0, 0, 0, 0, 1, 0, 0]
    assert found.absent.tolist() == [0] * 6 + [1]


class TestGenerate:
    @pytest.fixture
    def model(self):
        torch.manual_seed(0)
        return Generator(NoFusion, channels=(4, 4, 8), audio_width=2, size=32).eval()

    def test_retimed_footage_is_as_long_as_the_sound(self, model, face, speech, tmp_path):
        path = tmp_path / "out.mp4"
        report = generate(face, speech, path, model=model, retime=True, quiet=True)
        times = [frame.time for frame in frames(path)]
        assert report.frames == len(times) == round(report.fps)
        np.testing.assert_allclose(np.diff(times), 1 / report.fps, atol=2e-3)

    def test_a_model_without_footage_has_nothing_to_retime(self, face, speech, tmp_path):
        with pytest.raises(InputError, match="no footage that could be retimed"):
            generate(face, speech, tmp_path / "o.mp4", model="atvgnet", retime=True, quiet=True)
