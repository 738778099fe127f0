"""Clips on disk, and lip shapes that know nothing of the head."""

import numpy as np
import pytest
import torch

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.lips import lip_aperture, lip_shapes, smooth, upright_lips
from avfuse.geometry.pose import fit_pose


@pytest.fixture(scope="module")
def landmarks():
    return synthetic_clip(2, seconds=1.0, size=128).landmarks


def turned(points, angle, scale, shift):
    """A similarity of every frame's points, one for each."""
    cosine, sine = np.cos(angle), np.sin(angle)
    matrix = scale * np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    return np.einsum("tij,tpj->tpi", np.broadcast_to(matrix, (len(points), 2, 2)), points) + shift


class TestFile:
    def test_there_and_back(self, tmp_path, twins):
        frames = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8)
        points = torch.rand(3, 68, 2) * 30
        clip = Clip(frames, points, torch.arange(3.0, dtype=torch.float64), torch.randn(80, 12))
        save_clip(clip, tmp_path / "clip.safetensors")
        file = ClipFile(tmp_path / "clip.safetensors")
        np.testing.assert_array_equal(file.frame(1), frames[1])
        np.testing.assert_array_equal(file.landmarks, points)
        assert torch.equal(file.times, clip.times)
        assert torch.equal(file.mel, clip.mel)
        assert [p.name for p in tmp_path.iterdir()] == ["clip.safetensors"]

    def test_frames_without_a_face_are_not_valid(self, tmp_path, landmarks):
        points = torch.from_numpy(landmarks[:6]).clone()
        points[2] = np.nan
        frames = torch.zeros(6, 8, 8, 3, dtype=torch.uint8)
        clip = Clip(frames, points, torch.arange(6, dtype=torch.float64), torch.zeros(80, 20))
        save_clip(clip, tmp_path / "clip.safetensors")
        file = ClipFile(tmp_path / "clip.safetensors")
        assert file.valid.tolist() == [0, 1, 3, 4, 5]
        assert not np.isnan(file.lips[file.valid]).any()
        assert np.isnan(file.sides[2]).all()
        np.testing.assert_allclose(np.linalg.norm(file.sides[file.valid], axis=1), 1)

    def test_a_frame_with_half_a_face_is_not_valid(self, tmp_path, landmarks):
        points = torch.from_numpy(landmarks[:3]).clone()
        points[1, :17] = np.nan
        frames = torch.zeros(3, 8, 8, 3, dtype=torch.uint8)
        clip = Clip(frames, points, torch.arange(3, dtype=torch.float64), torch.zeros(80, 20))
        save_clip(clip, tmp_path / "clip.safetensors")
        assert ClipFile(tmp_path / "clip.safetensors").valid.tolist() == [0, 2]

    def test_sides_know_yaw_and_pitch_but_no_roll(self, tmp_path, landmarks):
        points = np.repeat(landmarks[:1], 8, 0)
        rolled = turned(points, np.linspace(0, 1, 8), 1.0, np.zeros(2)).astype(np.float32)
        frames = torch.zeros(8, 8, 8, 3, dtype=torch.uint8)
        tensors = torch.from_numpy(rolled), torch.arange(8, dtype=torch.float64)
        save_clip(Clip(frames, *tensors, torch.zeros(80, 20)), tmp_path / "clip.safetensors")
        file, pose = ClipFile(tmp_path / "clip.safetensors"), fit_pose(points[0])
        yaw, pitch = np.radians([pose.yaw, pose.pitch])
        side = [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
        np.testing.assert_allclose(file.sides, np.repeat([side], 8, 0), atol=1e-4)


class TestSmooth:
    def test_is_a_moving_average(self):
        points = np.random.default_rng(0).normal(size=(9, 2, 2)).astype(np.float32)
        smoothed = smooth(points)
        for t in range(9):
            np.testing.assert_allclose(
                smoothed[t], points[max(0, t - 2) : t + 3].mean(0), rtol=1e-5
            )

    def test_gaps_stay_and_do_not_spread(self):
        points = np.ones((7, 1, 2), np.float32)
        points[3] = np.nan
        smoothed = smooth(points)
        assert np.isnan(smoothed[3]).all()
        np.testing.assert_array_equal(smoothed[[0, 1, 2, 4, 5, 6]], 1)


class TestLips:
    def test_one_similarity_of_the_clip_changes_nothing(self, landmarks):
        moved = turned(landmarks, 0.3, 1.7, np.array([40, -9]))
        np.testing.assert_allclose(lip_shapes(moved), lip_shapes(landmarks), atol=1e-4)

    def test_a_moving_and_nodding_head_changes_nothing(self, landmarks):
        time = np.linspace(0, 6, len(landmarks))
        shift = np.stack([9 * np.sin(time), 5 * np.cos(2 * time)], -1)[:, None]
        moved = turned(landmarks, 0.2 * np.sin(time), 1.0, shift)
        np.testing.assert_allclose(lip_shapes(moved), lip_shapes(landmarks), atol=1e-4)

    def test_zero_is_closed(self, landmarks):
        """The mean over the moments with the lips nearest to each other."""
        lips = lip_shapes(landmarks)
        apart = lip_aperture(torch.from_numpy(upright_lips(landmarks))).numpy()
        nearest = apart <= np.quantile(apart, 0.15)
        assert 0 < nearest.sum() < len(apart)
        np.testing.assert_allclose(lips[nearest].mean(0), 0, atol=1e-5)
        assert lip_aperture(torch.from_numpy(lips[~nearest])).mean() > 0

    def test_frames_without_a_face_stay_out(self, landmarks):
        gap = landmarks.copy()
        gap[4] = np.nan
        lips = lip_shapes(gap)
        assert np.isnan(lips[4]).all()
        np.testing.assert_allclose(
            np.delete(lips, 4, 0), lip_shapes(np.delete(landmarks, 4, 0)), atol=1e-5
        )

    def test_upright_lips_keep_how_far_they_are_open(self, landmarks):
        eyes = (landmarks[:, 36:42].mean(1) + landmarks[:, 42:48].mean(1)) / 2
        unit = np.median(np.linalg.norm(landmarks[:, [48, 54]].mean(1) - eyes, axis=1))
        lower, upper = landmarks[:, [67, 66, 65]], landmarks[:, [61, 62, 63]]
        distance = np.linalg.norm((lower - upper).mean(1), axis=-1) / unit
        opening = lip_aperture(torch.from_numpy(upright_lips(landmarks)))
        np.testing.assert_allclose(opening, distance, atol=0.01)

    def test_aperture_is_the_inner_lips_distance(self, landmarks):
        aperture = lip_aperture(torch.from_numpy(lip_shapes(landmarks)))
        lower, upper = landmarks[:, [67, 66, 65]], landmarks[:, [61, 62, 63]]
        distance = np.linalg.norm((lower - upper).mean(1), axis=-1)
        assert np.corrcoef(aperture, distance)[0, 1] > 0.99
