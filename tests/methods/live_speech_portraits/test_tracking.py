"""Tracking of a procedural face: what is found is seen where the face is."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.camera import Pinhole, rotation_matrix
from avfuse.geometry.dense import LANDMARKS
from avfuse.methods.live_speech_portraits.data import track_person
from avfuse.methods.live_speech_portraits.points import DENSE
from avfuse.methods.live_speech_portraits.take import read_take
from avfuse.methods.live_speech_portraits.tracking import (
    _cropped,
    _stretches,
    calibrated,
    film,
    takes_of,
)
from avfuse.video.read import frames

SIZE = 96


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(11, seconds=1.4, size=160)


@pytest.fixture(scope="module")
def video(tmp_path_factory, made, clip):
    return made.video(tmp_path_factory.mktemp("anna") / "anna.mp4", clip)


@pytest.fixture(scope="module")
def filmed(video):
    return film(video)


@pytest.fixture(scope="module")
def calibration(filmed):
    return calibrated([filmed])


@pytest.fixture(scope="module")
def take(filmed, calibration):
    (take,) = takes_of(filmed, calibration, SIZE)
    return take


def test_points_are_on_the_face(filmed, clip):
    seen = filmed.seen[:, LANDMARKS]
    assert np.linalg.norm(seen - clip.landmarks, axis=2).mean() < 5  # of 160


def test_the_face_in_space_is_seen_where_it_is(filmed, calibration, take):
    camera = Pinhole(
        rotation_matrix(take.poses[:, :3]), take.poses[:, 3:], float(take.focal), take.centre
    )
    square = calibration.square
    wanted = (
        (torch.from_numpy(filmed.seen[:, DENSE]) - torch.tensor(square[:2])) * SIZE / square.side
    )
    errors = (camera.project(take.face) - wanted.float()).norm(dim=2)
    assert errors.mean() < 0.02 * SIZE


def test_pictures_are_the_squares(video, calibration, take):
    first = next(frames(video)).image
    x0, y0 = (round(edge) for edge in calibration.square[:2])
    side = round(calibration.square.side)
    assert min(x0, y0) >= 0
    assert max(x0, y0) + side <= 161
    inside = first[y0 : y0 + side, x0 : x0 + side]
    assert abs(take.picture(0).float().mean() - inside.mean()) < 3
    assert take.picture(0).shape == (SIZE, SIZE, 3)
    assert len(take.ends) == len(take.times) == 35


def test_takes_are_kept_and_not_made_again(video, tmp_path):
    folder = track_person(video.parent, None, tmp_path, SIZE)
    (path,) = folder.glob("*.safetensors")
    before = path.stat().st_mtime_ns
    assert track_person(video.parent, None, tmp_path, SIZE) == folder
    assert path.stat().st_mtime_ns == before
    assert len(read_take(path).times) == 35


class TestStretches:
    times = np.arange(200) / 25

    def stretches(self, *missing):
        valid = np.ones(200, bool)
        for part in missing:
            valid[part] = False
        return [(int(s[0]), int(s[-1]), len(s)) for s in _stretches(valid, self.times)]

    def test_a_face_that_is_always_there(self):
        assert self.stretches() == [(0, 199, 200)]

    def test_a_blink_of_the_tracker_is_bridged(self):
        assert self.stretches(slice(50, 54)) == [(0, 199, 196)]

    def test_a_longer_one_ends_a_take(self):
        assert self.stretches(slice(50, 60)) == [(0, 49, 50), (60, 199, 140)]

    def test_what_is_shorter_than_a_second_is_none(self):
        assert self.stretches(slice(20, 60)) == [(60, 199, 140)]


def test_pictures_of_stretches_are_their_frames(video, calibration):
    whole = np.arange(35)
    (every,) = _cropped(video, calibration.square, 32, [whole])
    first, second = _cropped(video, calibration.square, 32, [whole[2:9], whole[20:22]])
    assert np.array_equal(first, every[2:9])
    assert np.array_equal(second, every[20:22])


class TestBadInput:
    def test_12_frames_a_second(self, tmp_path, made):
        slow = made.video(tmp_path / "slow.mp4", synthetic_clip(11, seconds=1.0, fps=12.0, size=64))
        with pytest.raises(
            InputError, match="12 frames a second; lips cannot be followed below 20"
        ):
            film(slow)

    def test_no_face(self, tmp_path, made, clip):
        empty = clip._replace(frames=np.full_like(clip.frames, 127))
        with pytest.raises(InputError, match="no face was found"):
            film(made.video(tmp_path / "empty.mp4", empty))

    def test_videos_of_two_sizes(self, tmp_path, made, filmed):
        other = made.video(tmp_path / "b.mp4", synthetic_clip(11, seconds=0.2, size=64))
        with pytest.raises(InputError, match="2 sizes"):
            calibrated([filmed, filmed._replace(path=other)])
