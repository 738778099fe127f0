"""Backgrounds: another one behind some heads, the same for both of a pair, and no face touched."""

import pytest
import torch
from skimage.draw import polygon2mask

from avfuse.data.backgrounds import augment_backgrounds, head_mask
from avfuse.data.synthetic import synthetic_clip
from avfuse.types import Batch


@pytest.fixture(scope="module")
def batch():
    """Procedural faces, each beside itself with other lips."""
    clips = [synthetic_clip(seed, seconds=0.08, size=64) for seed in range(3)] * 8
    video = torch.stack([torch.from_numpy(c.frames) for c in clips]).movedim(-1, 2) / 255
    points = torch.stack([torch.from_numpy(c.landmarks).float() for c in clips])
    spoken = video.clone()
    spoken[..., 48:52, 28:36] = 0.0
    mel, lips = torch.zeros(24, 2, 80, 16), torch.zeros(24, 2, 20, 2)
    return Batch(video, spoken, mel, mel, points, points, lips, lips)


@pytest.fixture
def changed(batch):
    torch.manual_seed(0)
    return augment_backgrounds(batch)


def inside(points, shape):
    """The face from brows to chin, by another library, without its rim."""
    hull = points[[*range(17), 26, 24, 19, 17]]
    hull = hull.mean(0) + 0.85 * (hull - hull.mean(0))
    return torch.from_numpy(polygon2mask(shape, hull.flip(1).numpy()))


def test_some_heads_stand_elsewhere(batch, changed):
    other = (changed.video1 != batch.video1).flatten(1).any(1)
    assert 2 <= other.sum() <= 14


def test_no_face_is_touched(batch, changed):
    for name in ("video1", "video2"):
        one, other = getattr(batch, name), getattr(changed, name)
        for clip in range(24):
            face = inside(batch.landmarks1[clip, 0], one.shape[-2:])
            given, made = one[clip, 0][:, face], other[clip, 0][:, face]
            torch.testing.assert_close(made, given, rtol=0, atol=0.01)  # feathers at 64 pixels


def test_both_of_a_pair_and_all_frames_stand_before_the_same(batch, changed):
    moved = [i for i in range(24) if not torch.equal(changed.video1[i], batch.video1[i])]
    assert moved
    for i in moved:
        outside = head_mask(batch.landmarks1[i], 64, 64).amax(0)[0] == 0
        assert outside.sum() > 500
        behind = changed.video1[i][..., outside]
        assert torch.equal(changed.video2[i][..., outside], behind)
        torch.testing.assert_close(behind[0], behind[1])
        assert not torch.allclose(behind[0], batch.video1[i, 0][:, outside])


def test_the_rest_of_the_batch_is_left(batch, changed):
    assert torch.equal(changed.landmarks1, batch.landmarks1)
    assert torch.equal(changed.mel2, batch.mel2)


def test_the_forehead_is_the_jaw_turned_over():
    angle = torch.linspace(0, torch.pi, 17)
    circle = torch.stack([32 - 20 * angle.cos(), 32 + 20 * angle.sin()], 1)
    points = torch.cat([circle, torch.full((51, 2), 32.0)])[None]
    mask = head_mask(points, 65, 65)[0, 0]
    torch.testing.assert_close(mask, mask.flip(0), rtol=0, atol=0.2)
    assert abs(float(mask.sum()) / (torch.pi * (1.08 * 20) ** 2) - 1) < 0.05
