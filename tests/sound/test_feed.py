"""Windows from sound in blocks are the windows of the whole recording."""

import pytest
import torch

from avfuse import mel_spectrogram, mel_windows
from avfuse.sound.feed import MelFeed
from avfuse.sound.mel import SILENCE, Hearing

SECONDS = 3


@pytest.fixture(scope="module")
def waveform():
    generator = torch.Generator().manual_seed(0)
    swell = torch.linspace(0, 9, SECONDS * 16_000).sin().abs()
    return torch.rand(SECONDS * 16_000, generator=generator).sub(0.5) * swell


def windows(waveform, block, times, steps=16, chunk=8):
    feed = MelFeed(waveform.split(block), Hearing.centred(steps))
    return torch.cat([feed.windows(part) for part in times.split(chunk)])


@pytest.mark.parametrize("block", [1000, 16_000, 10**6])
@pytest.mark.parametrize("fps", [5.0, 23.976, 60.0])
@pytest.mark.parametrize("steps", [16, 25])
def test_equals_the_windows_of_the_whole(waveform, block, fps, steps):
    times = torch.arange(int(SECONDS * fps), dtype=torch.float64) / fps
    fed = windows(waveform, block, times, steps)
    torch.testing.assert_close(fed, mel_windows(mel_spectrogram(waveform), times, steps))


@pytest.mark.parametrize("block", [1, 333, 10**6])
def test_no_bit_depends_on_how_the_sound_is_cut(waveform, block):
    times = torch.arange(15, dtype=torch.float64) / 25
    sound = waveform[:9000]
    assert torch.equal(windows(sound, block, times), windows(sound, 200, times, chunk=1))


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_any_number_of_frames_at_a_time(waveform, chunk):
    times = torch.arange(60, dtype=torch.float64) / 25
    fed = windows(waveform, 4000, times, chunk=chunk)
    torch.testing.assert_close(fed, mel_windows(mel_spectrogram(waveform), times))


def test_uneven_times_with_gaps_longer_than_a_window(waveform):
    times = torch.tensor([0.0, 0.01, 0.9, 0.95, 2.4], dtype=torch.float64)
    fed = windows(waveform, 800, times, chunk=2)
    torch.testing.assert_close(fed, mel_windows(mel_spectrogram(waveform), times))


def test_silence_beyond_both_ends(waveform):
    times = torch.tensor([-1.0, SECONDS - 0.02, SECONDS + 5.0], dtype=torch.float64)
    fed = windows(waveform, 4000, times, chunk=1)
    assert (fed[0] == SILENCE).all()
    assert (fed[1, :, -6:] == SILENCE).all()
    assert (fed[1, :, 0] > SILENCE).any()
    assert (fed[2] == SILENCE).all()


def test_sound_too_short_for_one_mel_step_is_heard(waveform):
    fed = windows(waveform[8000:8200], 50, torch.zeros(1, dtype=torch.float64))
    assert fed.shape == (1, 80, 16)
    assert fed.max() > SILENCE


def test_takes_blocks_only_when_they_are_needed_and_forgets_them():
    taken, kept = [], []

    def blocks():
        for number in range(600):  # a minute
            taken.append(number)
            yield torch.full((1600,), 0.1)

    feed = MelFeed(blocks(), Hearing.centred(16))
    for second in range(60):
        feed.windows(second + torch.arange(25, dtype=torch.float64) / 25)
        assert len(taken) <= 10 * second + 13
        kept.append(feed._buffer._mel.shape[1])
    assert max(kept) < 150
