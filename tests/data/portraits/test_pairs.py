"""Pairs of a driven portrait: one picture, other lips, and sound that belongs to them."""

import numpy as np
import pytest
import torch

from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import Moment, View
from avfuse.data.passage import passage
from avfuse.data.portraits.driver import Driver
from avfuse.data.portraits.pairs import DrivenPortrait
from avfuse.data.portraits.portrait import Portrait
from avfuse.data.synthetic import synthetic_clip
from avfuse.sound.mel import mel_windows
from avfuse.video.picture import write_picture

SIZE = 128


@pytest.fixture(scope="module")
def driver(clip):
    return Driver(clip.path)


@pytest.fixture(scope="module")
def source(tmp_path_factory, seen, noise, driver):
    path = tmp_path_factory.mktemp("portrait") / "one.png"
    write_picture(path, np.repeat(noise[..., :1], 3, -1))
    portrait = Portrait(path, seen(5, [2.0, -1.5, 0.5], (0.05, 0.15, -0.1)).points, 7)
    return DrivenPortrait(portrait, [driver], [1.0])


def apart(landmarks):
    return float(landmarks[66, 1] - landmarks[62, 1])


def drawn(source, count=60, length=1):
    rng = np.random.default_rng(0)
    return [source.moments(rng, length) for _ in range(count)]


def test_landmarks_say_what_the_clip_says(source, driver):
    numbers = driver.valid[::2]
    _, landmarks = source.frames([Moment(driver, int(number)) for number in numbers])
    said = [apart(points) for points in driver.landmarks[numbers]]
    assert np.corrcoef([apart(points) for points in landmarks], said)[0, 1] > 0.97


def test_a_pair_differs_around_the_mouth_only(source, driver):
    first, second = int(driver.wide_open(1)[0]), int(driver.motion.resting[0])
    pair = source.pair(Moment(driver, first), Moment(driver, second), View(SIZE))
    nose = int(pair.landmarks1[29, 1])
    np.testing.assert_array_equal(pair.image1[:nose], pair.image2[:nose])
    np.testing.assert_array_equal(pair.landmarks1[17:31], pair.landmarks2[17:31])
    np.testing.assert_array_equal(pair.landmarks1[36:48], pair.landmarks2[36:48])
    assert apart(pair.landmarks1) > apart(pair.landmarks2) + 2
    mouth = pair.landmarks1[48:].mean(0).astype(int)
    around = np.s_[mouth[1] - 5 : mouth[1] + 6, mouth[0] - 5 : mouth[0] + 6]
    assert np.abs(pair.image1[around].astype(int) - pair.image2[around]).mean() > 5


def test_some_are_wide_open_and_rest_in_silence(source, driver):
    resting = [pair for ((pair),) in drawn(source, 100) if pair[1].clip is not driver]
    assert 8 < len(resting) < 35
    wide = set(driver.wide_open(1))
    for first, second in resting[:4]:
        assert first.number in wide
        pair = source.pair(first, second, View.random(SIZE, np.random.default_rng(1), 0.0))
        assert apart(pair.landmarks2) < 1.0
        assert apart(pair.landmarks1) > 2.0
        loud = mel_windows(driver.mel, driver.times[[first.number]]).mean()
        assert mel_windows(second.clip.mel, second.clip.times[[0]]).mean() < loud


def test_moments_are_consecutive_of_one_clip(source, driver):
    for moments in drawn(source, 20, 4):
        for side in zip(*moments, strict=True):
            assert np.diff([m.number for m in side]).tolist() == [1, 1, 1]
            assert len({id(m.clip) for m in side}) == 1


def test_its_items_are_pairs_like_others_and_always_the_same(source):
    options = {"length": 4, "size": 64, "mel_steps": 16, "frames": 2}
    items = [PairDataset([source] * 3, [1.0] * 3, **options)[1] for _ in range(2)]
    assert items[0].video1.shape == items[0].video2.shape == (2, 3, 64, 64)
    assert items[0].lips1.shape == (2, 20, 2)
    for one, other in zip(*items, strict=True):
        assert torch.equal(one, other)


def test_a_passage_of_it_can_be_watched(source, driver):
    shown = passage(source, 64, 16, 5.0)
    assert shown.video1.shape == (len(driver.valid), 3, 64, 64)


def test_drivers_are_drawn_by_their_shares(source, driver):
    several = DrivenPortrait(source.portrait, [driver, Driver(driver.path)], [1.0, 3.0])
    rng = np.random.default_rng(0)
    firsts = [several.moments(rng, 1)[0][0].clip for _ in range(200)]
    assert 20 < sum(clip is driver for clip in firsts) < 80


def test_a_clip_that_is_larger_is_averaged(source, driver, tmp_path, made):
    """A chessboard between large lips is grey between small ones."""
    small = synthetic_clip(21, seconds=1.6, size=160)
    board = np.indices((480, 480)).sum(0) % 2 * 255
    frames = np.broadcast_to(board.astype(np.uint8)[None, ..., None], (40, 480, 480, 3))
    large = small._replace(frames=np.ascontiguousarray(frames), landmarks=3 * small.landmarks)
    other = Driver(made.clip_file(tmp_path / "large.safetensors", large).path)
    (image,), (points,) = source.frames([Moment(other, int(other.wide_open(1)[-1]))])
    x, y = points[60:].mean(0).astype(int)
    assert apart(points) > 3
    assert np.ptp(image[y, x - 3 : x + 4].astype(int), 0).max() < 60
