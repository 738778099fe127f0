"""Sound that was moved by a known amount is found there, and moved back."""

import numpy as np
import pytest
import torch

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.offset import in_sync, offset, read_offset
from avfuse.data.synthetic import synthetic_clip
from avfuse.sound.mel import SAMPLE_RATE, SILENCE, mel_spectrogram, mel_windows


def clip_of(made, late=0.0):
    """A procedural clip whose sound starts `late` seconds late, as a file would have it."""
    shift = round(late * SAMPLE_RATE)
    sound = np.roll(np.pad(made.waveform, (0, abs(shift))), shift)[: len(made.waveform)]
    if shift < 0:
        sound = np.pad(made.waveform[-shift:], (0, -shift))
    pictures = torch.from_numpy(made.frames), torch.from_numpy(made.landmarks)
    return Clip(*pictures, torch.from_numpy(made.times), mel_spectrogram(torch.from_numpy(sound)))


@pytest.fixture(scope="module")
def made():
    return synthetic_clip(3, seconds=4.0, size=128)


def curve_of(peak, height=0.4, width=2.0):
    at = torch.arange(-15, 16, dtype=torch.float64)
    return (height * torch.exp(-(((at - peak) / width) ** 2))).float()


class TestRead:
    @pytest.mark.parametrize("peak", [0.0, 0.3, -2.4, 5.0, -11.6])
    def test_between_frames(self, peak):
        """The parabola through a Gaussian's top is off by little."""
        assert read_offset(curve_of(peak), 71).late == pytest.approx(0.04 * peak, abs=0.003)

    def test_confidence_is_over_the_median(self):
        found = read_offset(curve_of(2.0) + 0.1, 71)
        assert found.confidence == pytest.approx(0.4, abs=0.01)

    def test_a_short_clip_needs_more_to_be_far_off(self):
        curve = curve_of(0.0, 0.3) + curve_of(12.0, 0.4)
        assert read_offset(curve, 20).late == pytest.approx(0.0, abs=0.01)
        assert read_offset(curve, 500).late == pytest.approx(0.48, abs=0.01)

    def test_at_the_end_of_the_curve(self):
        assert read_offset(torch.linspace(-1, 1, 31), 500).late == pytest.approx(0.6)


class TestMoved:
    def test_a_procedural_clip_is_in_sync(self, made):
        clip = clip_of(made)
        assert abs(offset(clip).late) < 0.04
        assert in_sync(clip) == clip

    @pytest.mark.parametrize("late", [-0.2, 0.08, 0.3])
    def test_by_a_known_amount(self, made, late):
        moved = in_sync(clip_of(made, late))
        own = offset(clip_of(made)).late  # what is found where there is nothing to find
        assert moved.late == pytest.approx(late + own, abs=0.02)
        assert not moved.doubt

    def test_each_frame_has_its_own_sound_again(self, made):
        true, moved = clip_of(made), in_sync(clip_of(made, 0.1))
        # To the nearest step of 12.5 ms: what is left is less than a window's own length.
        windows = [mel_windows(c.mel, c.times[10:-10]) for c in (true, moved, clip_of(made, 0.1))]
        apart = [float((w - windows[0]).abs().mean()) for w in windows[1:]]
        assert apart[0] < 0.3 * apart[1]

    def test_what_is_kept_in_the_file(self, made, tmp_path):
        clip = in_sync(clip_of(made, 0.2))
        save_clip(clip._replace(doubt="is strange"), tmp_path / "clip.safetensors")
        kept = ClipFile(tmp_path / "clip.safetensors")
        assert torch.equal(kept.times, clip.times)
        assert float(kept.times[0]) == pytest.approx(clip.late)
        assert kept.doubt == "is strange"


class TestDoubts:
    def test_silence(self, made):
        clip = clip_of(made)
        assert in_sync(clip._replace(mel=torch.full_like(clip.mel, SILENCE))).doubt == "is silent"

    def test_lips_at_rest(self, made):
        clip = clip_of(made)
        jitter = np.random.default_rng(0).normal(0, 0.1, clip.landmarks.shape)
        still = clip.landmarks[:1].expand_as(clip.landmarks) + torch.from_numpy(jitter).float()
        assert "do not move" in in_sync(clip._replace(landmarks=still)).doubt

    def test_sound_that_is_too_late(self, made):
        found = in_sync(clip_of(made, 0.56))
        assert "0.6 s late" in found.doubt
        assert found.late == 0

    def test_another_ones_sound(self):
        """Of a clip that is long enough for chance to even out."""
        one, other = (synthetic_clip(s, seconds=12.0, size=px) for s, px in ((3, 96), (4, 32)))
        doubt = in_sync(clip_of(one)._replace(mel=clip_of(other).mel)).doubt
        assert doubt == "has lips that do not follow its sound"

    def test_too_short_to_tell(self, made):
        clip = clip_of(made, 0.2)
        short = clip._replace(
            **{k: getattr(clip, k)[:19] for k in ("frames", "landmarks", "times")}
        )
        assert offset(short) is None
        assert in_sync(short) == short
