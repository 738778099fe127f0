"""What drives a portrait: motion that is fitted once, moments wide open, and silence."""

import numpy as np
import pytest
import torch

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import starts
from avfuse.data.portraits.driver import Driver, drivers, room_noise
from avfuse.geometry.lips import lip_aperture
from avfuse.sound.mel import SAMPLE_RATE, SILENCE, mel_windows


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture
def driver(clip):
    return Driver(clip.path)


class TestMotion:
    def test_is_fitted_once(self, tmp_path, clip, monkeypatch):
        path = tmp_path / "clip.safetensors"
        path.write_bytes(clip.path.read_bytes())
        (first,) = drivers([path])
        assert first.is_fitted
        monkeypatch.delattr("avfuse.data.portraits.driver.motion_of")
        again = Driver(path)
        for one, other in zip(first.motion, again.motion, strict=True):
            torch.testing.assert_close(one, other, equal_nan=True)
        assert [p.name for p in tmp_path.glob("*.safetensors")] == [path.name]

    def test_follows_the_clips_lips(self, driver):
        """Another measure of the same: the opening of procedural lips is known exactly."""
        moved = [driver.motion.moved(int(number)) for number in driver.valid]
        gaps = [float(m[14, 1] - m[13, 1]) for m in moved]
        exact = driver.landmarks[driver.valid][:, 66, 1] - driver.landmarks[driver.valid][:, 62, 1]
        assert np.corrcoef(gaps, exact)[0, 1] > 0.97


class TestWideOpen:
    @pytest.mark.parametrize("length", [1, 4])
    def test_are_the_widest_that_enough_frames_follow(self, driver, length):
        found = driver.wide_open(length)
        all_of_them = starts(driver.valid, length)
        assert set(found) <= set(all_of_them)
        apart = lip_aperture(torch.from_numpy(driver.lips))
        others = np.setdiff1d(all_of_them, found)
        assert apart[found].min() >= apart[others].max()
        assert len(found) == round(0.2 * len(all_of_them))


class TestSilent:
    def test_lips_rest(self, driver):
        quiet = driver.silent(random(), 3)
        assert not any(quiet.motion.moved(number).any() for number in range(3))
        apart = lip_aperture(torch.from_numpy(driver.lips[driver.valid]))
        resting = lip_aperture(torch.from_numpy(quiet.lips))
        assert (resting <= apart.quantile(0.2) + 0.01).all()
        assert len(quiet.lips) == len(quiet.times) == len(quiet.valid) == 3

    def test_nothing_is_said(self, driver):
        loud = mel_windows(driver.mel, driver.times).mean()
        for seed in range(8):
            quiet = driver.silent(random(seed), 2)
            window = mel_windows(quiet.mel, quiet.times, 24)
            assert window.shape == (2, 80, 24)
            assert window.mean() < loud
        assert isinstance(driver, ClipFile)
        assert driver.motion.expression.any()  # the clip itself goes on speaking


class TestRoomNoise:
    def test_is_as_loud_as_rooms_are(self):
        levels = []
        for seed in range(40):
            noise = room_noise(random(seed), SAMPLE_RATE)
            power = np.square(noise).mean()
            levels.append(-np.inf if power == 0 else 10 * np.log10(power))
        heard = np.array(levels)[np.isfinite(levels)]
        assert 25 < len(heard) < 38
        assert heard.min() > -90.5
        assert heard.max() < -34.5
        assert np.ptp(heard) > 30

    def test_its_power_falls_as_it_says(self):
        """Slope of the log-log spectrum, by least squares, between white and brown."""
        slopes = []
        for seed in range(30):
            noise = room_noise(random(seed), 4 * SAMPLE_RATE)
            if noise.any():
                power = np.square(np.abs(np.fft.rfft(noise)))[10:]
                slopes.append(np.polyfit(np.log(np.arange(len(power)) + 10), np.log(power), 1)[0])
        assert -2.1 < min(slopes) < -1.4
        assert -0.6 < max(slopes) < 0.1

    def test_digital_silence_is_the_mels_floor(self, driver):
        seed = next(s for s in range(20) if not room_noise(random(s), 100).any())
        assert (driver.silent(random(seed), 1).mel == SILENCE).all()
