"""Augmentation: alike for both of a pair, never beyond the ranges, the same by seed."""

import pytest
import torch

from avfuse.data.augment import AugmentPictures, _stretch, augment, augment_voices
from avfuse.types import Batch


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def pictures():
    return AugmentPictures()


def batch(count=4, time=2):
    video = torch.rand(count, time, 3, 24, 32)
    mel = torch.rand(count, time, 80, 16) * 8 - 4
    points, lips = torch.rand(count, time, 68, 2), torch.rand(count, time, 20, 2)
    return Batch(video, video.clone(), mel, mel.clone(), points, points, lips, lips)


class TestPictures:
    def test_the_same_for_both_of_a_pair(self, pictures):
        video = torch.rand(6, 2, 3, 24, 32)
        for _ in range(5):
            first, second = pictures(video, video.clone())
            assert torch.equal(first, second)
            assert not torch.equal(first, video)

    def test_where_a_pair_agrees_it_still_does(self, pictures):
        """Lips differ; what surrounds them must not, or the mask would have to cover it."""
        one = torch.rand(16, 1, 3, 24, 32)
        other = one.clone()
        other[..., 18:, :] = torch.rand(16, 1, 3, 6, 32)
        first, second = pictures(one, other)
        assert torch.equal(first[..., :15, :], second[..., :15, :])  # a blur reaches one row
        assert not torch.equal(first[..., 20:, :], second[..., 20:, :])

    def test_frames_of_a_clip_alike_and_clips_not(self, pictures):
        video = torch.rand(1, 1, 3, 24, 32).expand(8, 3, 3, 24, 32).contiguous()
        # The slope of light runs over the tall picture, so it is left out here.
        steps = [s for s in pictures.steps if "Illumination" not in type(s).__name__]
        pictures.steps = torch.nn.ModuleList(steps)
        first, _ = pictures(video, video)
        inner = first[..., 2:-2, :]  # a blur takes the neighbouring frame's edge along
        for frame in range(1, 3):
            torch.testing.assert_close(inner[:, frame], inner[:, 0])
        assert len({round(float(clip.mean()), 5) for clip in first}) > 4

    def test_stays_in_range_and_shape(self, pictures):
        first, second = pictures(torch.rand(8, 2, 3, 24, 32), torch.zeros(8, 2, 3, 24, 32))
        assert first.shape == second.shape == (8, 2, 3, 24, 32)
        assert min(first.min(), second.min()) >= 0
        assert max(first.max(), second.max()) <= 1


class TestVoices:
    def test_stays_between_silence_and_full_scale(self):
        mel = augment_voices(torch.rand(32, 2, 80, 16) * 8 - 4)
        assert mel.min() >= -4
        assert mel.max() <= 4

    def test_each_clip_its_own_voice(self):
        mel = torch.zeros(8, 1, 80, 16)
        means = augment_voices(mel).mean((1, 2, 3))
        assert len({round(float(m), 3) for m in means}) == 8

    def test_stretch_by_one_and_zero_is_nothing(self):
        mel = torch.randn(3, 2, 80, 16)
        torch.testing.assert_close(_stretch(mel, torch.ones(3), torch.zeros(3)), mel)

    def test_stretch_moves_a_tone_as_it_says(self):
        mel = torch.zeros(2, 1, 80, 4)
        mel[:, :, 40] = 1.0
        moved = _stretch(mel, torch.tensor([1.0, 2.0]), torch.tensor([3.0, 0.0]))
        assert moved[0, 0, :, 0].argmax() == 37  # band k is what band k + 3 was
        assert moved[1, 0, :, 0].argmax() == 20


class TestBatch:
    def test_landmarks_and_lips_stay(self, pictures):
        before = batch()
        after = augment(before, pictures)
        for name in ("landmarks1", "landmarks2", "lips1", "lips2"):
            assert torch.equal(getattr(after, name), getattr(before, name))

    def test_nothing_moves(self, pictures):
        """An edge stays in its column, whatever its colours become."""
        video = torch.cat(
            [torch.full((8, 1, 3, 24, 16), 0.3), torch.full((8, 1, 3, 24, 16), 0.6)], -1
        )
        first, _ = pictures(video, video)
        jumps = first.diff(dim=-1).abs().mean((1, 2, 3))
        assert jumps.argmax(-1).tolist() == [15] * 8

    def test_the_same_by_seed(self, pictures):
        results = []
        for _ in range(2):
            torch.manual_seed(7)
            pair = batch()
            results.append(augment(pair, pictures))
        for first, again in zip(*results, strict=True):
            assert torch.equal(first, again)
