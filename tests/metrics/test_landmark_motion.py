"""D-L, D-V, D-Rot, D-Pos and the lips' velocity, against motions that are known."""

import math

import numpy as np
import pytest
import torch

from avfuse.geometry.pose import fit_poses
from avfuse.metrics import d_l, d_pos, d_rot, d_v, face_width, landmark_velocity

TIMES = torch.arange(10) / 25


def test_face_width_is_the_widest(landmarks):
    near = landmarks.clone()
    near[3] *= 2
    want = torch.dist(near[3, 0], near[3, 16])
    assert face_width(near) == want
    near[4] = torch.nan
    assert face_width(near) == want
    assert face_width(near[4:5]).isnan()


def test_d_l_of_a_shift_in_closed_form(landmarks):
    width = face_width(landmarks)
    shifted = landmarks + torch.tensor([3.0, 4.0])
    torch.testing.assert_close(d_l(shifted, landmarks), torch.full((10,), 500 / width))


def test_d_l_and_d_v_agree_with_numpy(landmarks, moved):
    a, b = moved.double().numpy(), landmarks.double().numpy()
    width = np.linalg.norm(b[:, 16] - b[:, 0], axis=1).max()
    want = 100 * np.linalg.norm(a - b, axis=2).mean(1) / width
    np.testing.assert_allclose(d_l(moved, landmarks), want, rtol=1e-4)
    velocity = np.diff(a, axis=0) - np.diff(b, axis=0)
    want = 100 * np.linalg.norm(velocity, axis=2).mean(1) / width
    np.testing.assert_allclose(d_v(moved, landmarks), want, rtol=1e-4)


def test_d_v_sees_motion_and_not_place(landmarks):
    shifted = landmarks + 5
    torch.testing.assert_close(d_v(shifted, landmarks), torch.zeros(9), atol=1e-4, rtol=0)
    drifting = landmarks + torch.arange(10.0)[:, None, None] * torch.tensor([0.6, 0.8])
    width = face_width(landmarks)
    torch.testing.assert_close(
        d_v(drifting, landmarks), torch.full((9,), 100 / width), rtol=1e-3, atol=0
    )


def test_neither_depends_on_the_size_of_the_face(landmarks, moved):
    torch.testing.assert_close(d_l(moved * 3, landmarks * 3), d_l(moved, landmarks))
    torch.testing.assert_close(
        d_v(moved * 3, landmarks * 3), d_v(moved, landmarks), rtol=1e-4, atol=1e-5
    )


def test_points_may_lie_in_space(landmarks):
    flat = torch.cat([landmarks, torch.zeros(10, 68, 1)], -1)
    away = flat + torch.tensor([0.0, 0.0, 5.0])
    torch.testing.assert_close(d_l(away, flat), torch.full((10,), 500 / face_width(landmarks)))


def test_d_rot_goes_the_short_way_round():
    target = torch.tensor([[0.0, 0.0, 179.0], [10.0, 20.0, 30.0]])
    prediction = torch.tensor([[3.0, 0.0, -178.0], [7.0, 26.0, 30.0]])
    torch.testing.assert_close(d_rot(prediction, target), torch.tensor([2.0, 3.0]))


def test_d_rot_and_d_pos_read_the_pose_of_landmarks(landmarks):
    """A picture turned and moved: the roll and the place that `fit_poses` then finds."""
    angle = math.radians(12)
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    poses = [fit_poses(p.numpy()) for p in (landmarks @ turn + 8, landmarks @ turn, landmarks)]
    angles = [torch.tensor([[p.pitch, p.yaw, p.roll] for p in pose]) for pose in poses]
    places = [torch.tensor(np.stack([p.translation for p in pose])) for pose in poses]
    torch.testing.assert_close(d_rot(*angles[1:]), torch.full((10,), 4.0), atol=0.01, rtol=0)
    width = float(face_width(landmarks))
    want = torch.full((10,), 100 * 8 * math.sqrt(2) / width)
    torch.testing.assert_close(d_pos(*places[:2], width), want, rtol=1e-3, atol=0)


def test_velocity_of_lips_in_closed_form(landmarks):
    """Half of the points up, half down, a pixel farther in each frame: 25 pixels a second."""
    opening = torch.arange(10.0)[:, None] * torch.tensor([1.0, -1.0]).repeat_interleave(10)
    speaking = landmarks.clone()
    speaking[:, 48:68, 1] += opening
    speed = landmark_velocity(speaking, landmarks, TIMES)
    torch.testing.assert_close(speed, torch.full((9,), 25.0), rtol=1e-3, atol=0)
    twice = landmark_velocity(speaking * 2, landmarks * 2, TIMES, size=256)
    torch.testing.assert_close(twice, speed, rtol=1e-3, atol=0)


def test_velocity_does_not_depend_on_the_frame_rate(landmarks):
    """The same motion, in half as many frames."""
    speaking = landmarks.clone()
    speaking[:, 48:58, 1] += torch.arange(10.0)[:, None]
    full = landmark_velocity(speaking, landmarks, TIMES).mean()
    half = landmark_velocity(speaking[::2], landmarks[::2], TIMES[::2]).mean()
    assert half == pytest.approx(full.item(), rel=1e-3)


def test_a_lost_frame_takes_both_its_velocities(landmarks, moved):
    lost = moved.clone()
    lost[4] = torch.nan
    for values in (d_v(lost, landmarks), landmark_velocity(lost, landmarks, TIMES)):
        assert values.isnan().nonzero().ravel().tolist() == [3, 4]
