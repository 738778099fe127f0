"""The speech representation: its size, its state, and which steps of a window are new."""

import numpy as np
import torch

from avfuse.methods.live_speech_portraits.speech import APC, MEL, Paired, fresh_steps
from avfuse.sound.mel import Hearing, mel_spectrogram, mel_windows


def test_is_as_large_as_the_papers():
    assert round(sum(p.numel() for p in APC().parameters()) / 1e6, 3) == 4.064


def test_hears_7_to_8_milliseconds_apart():
    assert abs(MEL.rate - 120) < 0.5
    tone = torch.sin(2 * np.pi * 440 * torch.arange(16_000) / 16_000) * 0.1
    mel = mel_spectrogram(tone, MEL)
    assert mel.shape == (80, 16_000 // 133 + 1)
    assert mel.mean(1).argmax() < 20  # 440 Hz lies low


def test_pieces_are_the_whole():
    torch.manual_seed(0)
    apc, mel = APC(16, 2), torch.randn(2, 9, 80)
    whole, after = apc(mel)
    first, state = apc(mel[:, :4])
    rest, end = apc(mel[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)
    torch.testing.assert_close(end, after)


def test_hears_nothing_of_the_future():
    torch.manual_seed(0)
    apc, mel = APC(16, 2), torch.randn(1, 9, 80)
    later = mel.clone()
    later[:, 5:] += 1
    torch.testing.assert_close(apc(mel)[0][:, :5], apc(later)[0][:, :5])
    assert (apc(mel)[0][:, 5] != apc(later)[0][:, 5]).any()


def test_autocast_leaves_it_alone():
    apc, mel = APC(16, 2), torch.randn(1, 9, 80)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(apc(mel)[0], apc(mel.float())[0])
        assert apc(mel)[0].dtype == torch.float32


def test_paired_mixes_no_frames():
    torch.manual_seed(0)
    paired, heard = Paired(4, 6).eval(), torch.randn(2, 5, 8)
    alone = paired(heard[1:, 3:4])
    torch.testing.assert_close(paired(heard)[1:, 3:4], alone)


class TestFreshSteps:
    """Windows of 60 frames a second: a recording's steps, each once."""

    def steps(self, count, at=0.004):
        hears = Hearing(8, 8, MEL)
        mel = torch.arange(400.0).expand(80, -1)
        times = at + torch.arange(count, dtype=torch.float64) / 60
        return mel_windows(mel, times, hears)

    def test_of_a_beginning_are_all(self):
        fresh = fresh_steps(self.steps(10), begins=True)
        assert fresh.shape == (8 + 2 * 9, 80)
        assert torch.equal(fresh[:, 0], fresh[0, 0] + torch.arange(26.0))

    def test_go_on_where_they_ended(self):
        windows = self.steps(10)
        parts = [fresh_steps(windows[:4], True), fresh_steps(windows[4:], False)]
        assert torch.equal(torch.cat(parts), fresh_steps(windows, True))

    def test_leave_out_one_in_400(self):
        """Over a minute the hops of whole samples are 18 steps ahead, and what is heard is not."""
        hears = Hearing(8, 8, MEL)
        mel = torch.arange(61 * 121.0).expand(80, -1)
        windows = mel_windows(mel, torch.arange(3600, dtype=torch.float64) / 60, hears)
        fresh = fresh_steps(windows, True)[:, 0]
        gaps = fresh.diff()
        assert gaps.min() >= 1
        assert gaps.max() <= 2
        assert abs((gaps == 2).sum() - 60 * (MEL.rate - 120)) <= 1
