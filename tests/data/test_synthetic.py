"""Procedural clips: the same by seed, exact labels, and a mouth that follows the sound."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from jaxtyping import Float

from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.data.synthetic.paint import Grid
from avfuse.data.synthetic.phones import PHONES
from avfuse.data.synthetic.pose import Pose, Turn
from avfuse.data.synthetic.speech import articulate
from avfuse.data.synthetic.voice import Voice, synthesise
from avfuse.geometry.pose import fit_poses
from avfuse.sound.mel import mel_filterbank, mel_spectrogram, mel_windows

SMALL = 64
"""Pixels; enough where only landmarks and sound count."""


def aperture(landmarks: Float[np.ndarray, "T 68 2"]) -> Float[np.ndarray, "T"]:
    """Distance of the inner lips over that of the eyes."""
    eyes = landmarks[:, 42:48].mean(1) - landmarks[:, 36:42].mean(1)
    lips = landmarks[:, 66] - landmarks[:, 62]
    return np.asarray(np.linalg.norm(lips, axis=-1) / np.linalg.norm(eyes, axis=-1))


def windows(clip: SyntheticClip, steps: int = 16) -> Float[np.ndarray, "T 80 steps"]:
    """The mel around each frame."""
    mel = mel_spectrogram(torch.from_numpy(clip.waveform))
    return np.asarray(mel_windows(mel, torch.from_numpy(clip.times), steps).numpy())


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@cache
def pair() -> tuple[SyntheticClip, SyntheticClip]:
    """One person saying two things."""
    first = synthetic_clip(3, seconds=1.5)
    return first, synthetic_clip(3, speech_seed=4, seconds=1.5)


class TestClip:
    @pytest.mark.parametrize(
        ("seconds", "fps", "size"), [(0.5, 25.0, 64), (0.37, 29.97, 97), (0.1, 60.0, 256)]
    )
    def test_shapes(self, seconds: float, fps: float, size: int) -> None:
        clip = synthetic_clip(1, seconds=seconds, fps=fps, size=size)
        count = round(seconds * fps)
        assert clip.frames.shape == (count, size, size, 3)
        assert clip.waveform.shape == (round(seconds * 16_000),)
        assert clip.landmarks.shape == (count, 68, 2)
        np.testing.assert_array_equal(clip.times, np.arange(count) / fps)
        kinds = [array.dtype for array in clip]
        assert kinds == [np.uint8, np.float32, np.float32, np.float64]
        assert np.abs(clip.waveform).max() <= 1

    def test_same_seed_same_bits(self) -> None:
        for first, again in zip(pair()[0], synthetic_clip(3, seconds=1.5), strict=True):
            np.testing.assert_array_equal(first, again)

    def test_default_speech_seed_is_the_seed(self) -> None:
        first = synthetic_clip(5, seconds=0.2, size=SMALL)
        again = synthetic_clip(5, speech_seed=5, seconds=0.2, size=SMALL)
        np.testing.assert_array_equal(first.waveform, again.waveform)

    def test_leaves_global_randomness_alone(self) -> None:
        before = repr(np.random.get_state())  # noqa: NPY002
        synthetic_clip(0, seconds=0.1, size=SMALL)
        assert repr(np.random.get_state()) == before  # noqa: NPY002

    def test_longer_clip_shows_the_same_person(self) -> None:
        short = synthetic_clip(7, seconds=0.2, size=SMALL)
        longer = synthetic_clip(7, seconds=0.4, size=SMALL)
        top = slice(0, SMALL // 3)  # hair and background; lips may say other words
        np.testing.assert_array_equal(short.frames[0, top], longer.frames[0, top])

    @pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"fps": -1.0}, {"size": 8}])
    def test_refuses_what_shows_nothing(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r"ask for|at least"):
            synthetic_clip(0, **wrong)  # type: ignore[arg-type]

    @pytest.mark.usefixtures("unpainted")
    def test_a_head_may_be_held_turned(self):
        """As far as a mean face, which is deeper than these, is seen to be turned."""
        held = [
            [pose.yaw for pose in fit_poses(synthetic_clip(8, size=SMALL, yaw=yaw).landmarks)]
            for yaw in np.radians([-25.0, 0.0, 25.0])
        ]
        assert np.ptp(held, axis=1).max() < 0.5
        left, straight, right = np.mean(held, axis=1)
        assert straight == pytest.approx(0, abs=0.5)
        assert 15 < right < 25
        assert left == pytest.approx(-right, abs=0.5)

    @pytest.mark.usefixtures("unpainted")
    def test_a_head_may_be_held_bowed(self):
        up, straight, down = (
            np.mean([pose.pitch for pose in fit_poses(clip.landmarks)])
            for clip in (synthetic_clip(8, size=SMALL, pitch=p) for p in np.radians([-20, 0, 20]))
        )
        assert up + 10 < straight < down - 10


class TestPerfectPair:
    def test_only_the_lower_face_differs(self) -> None:
        first, second = pair()
        for index in range(len(first.times)):
            changed = (first.frames[index] != second.frames[index]).any(-1)
            nose = first.landmarks[index, 33, 1]
            assert not changed[: int(nose) - 3].any()
            jaw = np.concatenate([first.landmarks[index, :17], second.landmarks[index, :17]])
            sides = np.flatnonzero(changed.any(0))
            if len(sides):
                assert sides[0] >= jaw[:, 0].min() - 12
                assert sides[-1] <= jaw[:, 0].max() + 12
                assert np.flatnonzero(changed.any(1))[-1] <= jaw[:, 1].max() + 12

    def test_brows_nose_and_eyes_stay(self) -> None:
        first, second = pair()
        np.testing.assert_array_equal(first.landmarks[:, 17:48], second.landmarks[:, 17:48])

    def test_lips_and_sound_differ(self) -> None:
        first, second = pair()
        assert np.abs(aperture(first.landmarks) - aperture(second.landmarks)).max() > 0.1
        assert abs(correlation(first.waveform, second.waveform)) < 0.2

    def test_what_changes_is_mostly_the_mouth(self) -> None:
        first, second = pair()
        index = int(np.abs(aperture(first.landmarks) - aperture(second.landmarks)).argmax())
        difference = np.abs(first.frames[index].astype(int) - second.frames[index]).sum(-1)
        mouth = np.zeros(difference.shape, np.uint8)
        for clip in (first, second):
            cv2.fillPoly(mouth, [np.round(clip.landmarks[index, 48:60]).astype(np.int32)], 1)
        outside = difference[mouth == 0]
        assert difference[mouth == 1].mean() > 10 * outside.mean()


class TestLandmarks:
    def test_ibug_order(self) -> None:
        for points in pair()[0].landmarks:
            x, y = points.T
            assert (
                np.diff(x[:17]) > -1
            ).all()  # the jaw, from the image's left; a turn stands it up
            assert y[8] == y.max()
            assert (np.diff(x[17:27]) > 0).all()
            assert (np.diff(y[27:31]) > 0).all()
            assert (np.diff(x[31:36]) > 0).all()
            assert x[36] < x[39] < x[42] < x[45]
            assert x[48] < x[60] < x[64] < x[54]
            assert y[51] < y[62] <= y[66] < y[57]
            assert y[17:27].max() < y[36:48].min() < y[33] < y[51]

    def test_inner_lips_lie_inside_the_outer(self) -> None:
        for points in pair()[0].landmarks:
            outer = points[48:60].astype(np.float32)
            distances = [cv2.pointPolygonTest(outer, point.tolist(), True) for point in points[60:]]
            assert min(distances) > -0.5

    def test_whole_face_is_visible_and_half_the_frame(self) -> None:
        for seed in range(12):
            clip = synthetic_clip(seed, seconds=0.04, size=SMALL)
            assert clip.landmarks.min() > 0
            assert clip.landmarks.max() < SMALL - 1
            width = clip.landmarks[0, 16, 0] - clip.landmarks[0, 0, 0]
            assert 0.4 < width / SMALL < 0.6

    def test_pixels_show_what_landmarks_say(self) -> None:
        """The warp that draws the frame inverts the projection of the landmarks."""
        grid, size = Grid(256, 4.0), 128
        u, v = grid.axes()
        relief = (np.exp(-(u**2) - v**2) + 0 * u).astype(np.float32)
        turn = Turn(relief, grid, Pose((0.03, -0.02), 0.95, 0.1, 0.2, -0.1))
        points = np.random.default_rng(0).uniform(-0.9, 0.9, (50, 2))
        x, y = turn.project(points, size).astype(np.float32).T
        shown = [cv2.remap(plane, x, y, cv2.INTER_LINEAR)[:, 0] for plane in turn.sources(size)]
        np.testing.assert_allclose(np.stack(shown, 1), grid.to_pixels(points), atol=0.15)

    def test_opencv_finds_the_face(self) -> None:
        cascades = Path(cv2.__file__).parent / "data"
        detector = cv2.CascadeClassifier(str(cascades / "haarcascade_frontalface_default.xml"))
        found = []
        for seed in range(12):
            clip = synthetic_clip(seed, seconds=0.6, fps=5.0)
            for frame, points in zip(clip.frames, clip.landmarks, strict=True):
                grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
                boxes = detector.detectMultiScale(grey, 1.1, 4, minSize=(80, 80))
                x, y = points[30]
                found.append(any(a < x < a + w and b < y < b + h for a, b, w, h in boxes))
        assert np.mean(found) >= 0.9


class TestSpeech:
    @pytest.mark.usefixtures("unpainted")
    def test_silence_shuts_the_lips(self) -> None:
        quiet = []
        for seed in range(8):
            clip = synthetic_clip(seed, fps=20.0, size=32)
            around = np.pad(clip.waveform, 1600)
            for time, opening in zip(clip.times, aperture(clip.landmarks), strict=True):
                start = int(time * 16_000)
                level = np.sqrt(np.square(around[start : start + 3200]).mean())
                if level < 1.5e-3 and 0.1 < time < 2.9:  # 0.2 s about the frame
                    quiet.append(opening)
        assert len(quiet) > 20
        assert max(quiet) < 0.02

    def test_a_pause_is_nearly_silent(self) -> None:
        assert np.abs(_hold("_")).max() < 1e-3

    def test_lips_touch_in_the_middle_of_a_closure(self) -> None:
        for name in ("m", "b", "p"):
            lengths = np.array([30, 12, 30])
            mouth = articulate(["a", name, "a"], lengths, np.ones(3), np.ones(3)).mouth
            assert mouth.aperture[36] < 0.01
            assert mouth.aperture[[10, 62]].min() > 0.95

    def test_vowels_sound_as_their_formants_say(self) -> None:
        """Each of four far vowels is the loudest of them at its own F1 and F2."""
        bins = torch.linspace(0, 8000, 401)
        filters = mel_filterbank()
        centres = ((filters * bins[:, None]).sum(0) / filters.sum(0)).numpy()
        mels = {name: mel_spectrogram(torch.from_numpy(_hold(name))) for name in "aeiu"}
        for name in mels:
            places = [int(np.abs(centres - f).argmin()) for f in PHONES[name].formants[:2]]
            level = {
                other: float(min(mel[place, 20:60].mean() for place in places))
                for other, mel in mels.items()
            }
            assert max(level, key=lambda other: level[other]) == name

    @pytest.mark.usefixtures("unpainted")
    def test_sound_tells_the_lips_and_loudness_does_not(self) -> None:
        train, held_out = (
            [synthetic_clip(0, speech_seed=s, fps=8.0, size=32) for s in seeds]
            for seeds in (range(40), range(100, 112))
        )
        x, y = (np.concatenate([f(c) for c in train]) for f in (_features, _opening))
        unseen, truth = (np.concatenate([f(c) for c in held_out]) for f in (_features, _opening))
        centre = x.mean(0)
        gram = (x - centre).T @ (x - centre) + 300 * np.eye(x.shape[1])
        weights = np.linalg.solve(gram, (x - centre).T @ (y - y.mean()))
        from_mel = correlation((unseen - centre) @ weights, truth)
        from_loudness = correlation(np.concatenate([_loudness(c) for c in held_out]), truth)
        assert from_mel >= 0.8
        assert from_loudness <= from_mel - 0.15


def _hold(name: str) -> Float[np.ndarray, "L"]:
    """One phone for a second, in a low plain voice."""
    utterance = articulate([name], np.array([201]), np.ones(1), np.ones(1))
    voice = Voice(pitch=100.0, tract=1.0, breath=0.02, tilt=-6.0, loudness=0.05, hum=1e-4)
    return synthesise(utterance, voice, 16_000, np.random.default_rng(0))


def _features(clip: SyntheticClip) -> Float[np.ndarray, "T 640"]:
    pooled = windows(clip).reshape(len(clip.times), 80, 8, 2).mean(-1)
    return np.asarray(pooled.reshape(len(clip.times), -1))


def _opening(clip: SyntheticClip) -> Float[np.ndarray, "T"]:
    return aperture(clip.landmarks)


def _loudness(clip: SyntheticClip) -> Float[np.ndarray, "T"]:
    return np.asarray(windows(clip, 4).mean((1, 2)))
