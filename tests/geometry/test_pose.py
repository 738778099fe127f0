"""Head pose: exact on the mean face, right in sign and trend on others, deaf to speech."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic.identity import random_identity
from avfuse.data.synthetic.mouth import Lips
from avfuse.data.synthetic.pose import Pose
from avfuse.data.synthetic.render import Expression, Renderer
from avfuse.geometry.points import MIRRORED
from avfuse.geometry.pose import HeadPose, fit_pose, fit_poses, mean_shape
from avfuse.geometry.procrustes import aligned

LABELS = Path(__file__).parents[3] / "shared" / "data" / "landmarks"


def turn(yaw, pitch, roll):
    """R of degrees, by OpenCV's axis-angle, one turn after the other."""
    axes = ((0, -yaw, 0), (pitch, 0, 0), (0, 0, roll))  # +y points down, so yaw turns about -y
    first, second, third = (cv2.Rodrigues(np.radians(axis))[0] for axis in axes)
    return third @ second @ first


def angles(pose):
    return np.array([pose.yaw, pose.pitch, pose.roll])


def random_poses(seed, count):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        rotation = turn(*rng.uniform((-50, -40, -180), (50, 40, 180)))
        yield HeadPose(rotation, rng.uniform(-50, 900, 2), float(rng.uniform(20, 400)))


def photographed(rotation, lens, away):
    """The mean face before a perspective camera, by OpenCV."""
    place = np.array([0.0, 0.0, away])
    seen, _ = cv2.projectPoints(mean_shape(), cv2.Rodrigues(rotation)[0], place, lens, None)
    return seen[:, 0]


def between(one, other):
    """Degrees from one rotation to another."""
    return np.degrees(np.linalg.norm(cv2.Rodrigues(one @ other.T)[0]))


class Puppet:
    """A procedural head, posed at will."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.who = random_identity(rng)
        self.renderer = Renderer(self.who, 64, rng)

    def landmarks(self, yaw=0.0, pitch=0.0, roll=0.0, aperture=0.2):
        lips = Lips(self.who, aperture * self.who.opening, 0.0, 0.0, 0.0)
        pose = Pose((0.0, 0.0), 1.0, *np.radians([roll, yaw, pitch]))
        return self.renderer.landmarks(pose, Expression(0.8, (0.0, 0.0), lips))


@pytest.fixture(scope="module", params=[1, 2, 3])
def puppet(request):
    return Puppet(request.param)


class TestMeanFace:
    def test_recovers_every_pose(self):
        poses = list(random_poses(0, 100))
        seen = np.stack([pose.project(mean_shape()) for pose in poses])
        for pose, found in zip(poses, fit_poses(seen), strict=True):
            np.testing.assert_allclose(found.rotation, pose.rotation, atol=1e-9)
            np.testing.assert_allclose(found.translation, pose.translation, atol=1e-6)
            assert found.scale == pytest.approx(pose.scale, rel=1e-9)

    def test_angles_are_those_of_the_turns(self):
        for yaw, pitch, roll in ((30, 0, 0), (0, -20, 0), (0, 0, 110), (-40, 25, -15)):
            pose = HeadPose(turn(yaw, pitch, roll), np.zeros(2), 100.0)
            np.testing.assert_allclose(angles(pose), [yaw, pitch, roll], atol=1e-9)

    @pytest.mark.parametrize(("axis", "degrees"), [(0, (25, 0, 0)), (1, (0, 25, 0))])
    def test_a_head_faces_where_its_nose_goes(self, axis, degrees):
        """Yaw to the picture's right, pitch down."""
        bridge, tip = HeadPose(turn(*degrees), np.zeros(2), 100.0).project(mean_shape()[[27, 30]])
        straight = fit_pose(HeadPose(np.eye(3), np.zeros(2), 100.0).project(mean_shape()))
        before = straight.project(mean_shape()[[27, 30]])
        assert (tip - bridge)[axis] > (before[1] - before[0])[axis] + 5

    def test_is_close_under_a_perspective_camera(self):
        """From as far as people sit: twelve eye distances, a metre."""
        lens = np.array([[1200.0, 0, 640], [0, 1200, 360], [0, 0, 1]])
        for pose in random_poses(1, 30):
            seen = photographed(pose.rotation, lens, 12.0)
            assert between(fit_pose(seen).rotation, pose.rotation) < 4

    def test_agrees_with_solvepnp_on_noisy_points(self):
        """Which counts all points alike, and whose camera stands 100 eye distances away."""
        rng = np.random.default_rng(2)
        counted = [0, 1, 2, 14, 15, 16, *range(17, 48)]
        lens = np.array([[1e4, 0, 500], [0, 1e4, 500], [0, 0, 1]])
        shape = np.array(mean_shape()[counted])
        for pose in random_poses(3, 30):
            seen = photographed(pose.rotation, lens, 100.0) + rng.normal(0, 0.4, (68, 2))
            _, vector, _ = cv2.solvePnP(shape, seen[counted], lens, None, flags=cv2.SOLVEPNP_SQPNP)
            assert between(fit_pose(seen).rotation, cv2.Rodrigues(vector)[0]) < 0.7


class TestOtherFaces:
    def test_follows_procedural_heads(self, puppet):
        """Their relief is flatter than people's, so that they seem to turn less than they do."""
        rng = np.random.default_rng(0)
        truth = rng.uniform(-20, 20, (40, 3))
        poses = fit_poses(np.stack([puppet.landmarks(*degrees) for degrees in truth]))
        found = np.stack([angles(pose) for pose in poses])
        for axis, least in enumerate((0.5, 0.5, 0.95)):
            assert np.corrcoef(found[:, axis], truth[:, axis])[0, 1] > 0.99
            assert least < np.polyfit(truth[:, axis], found[:, axis], 1)[0] < 1.05
        assert np.abs(found[:, 2] - truth[:, 2]).max() < 3

    def test_turning_the_picture_changes_roll_alone(self, puppet):
        landmarks = puppet.landmarks(12, -5, 4)
        before = fit_pose(landmarks)
        for degrees in (-70, 33):
            matrix = cv2.getRotationMatrix2D((20, 30), -degrees, 1.0)  # its angles are to the left
            after = fit_pose(landmarks @ matrix[:, :2].T + matrix[:, 2])
            np.testing.assert_allclose(
                angles(after), np.add(angles(before), [0, 0, degrees]), atol=1e-3
            )
            moved = matrix[:, :2] @ before.translation + matrix[:, 2]
            np.testing.assert_allclose(after.translation, moved, atol=1e-3)

    def test_size_and_place_do_not_turn_the_head(self, puppet):
        landmarks = puppet.landmarks(-9, 6, 3)
        before, after = fit_pose(landmarks), fit_pose(3 * landmarks + np.float32([500, -20]))
        np.testing.assert_allclose(after.rotation, before.rotation, atol=1e-5)
        np.testing.assert_allclose(
            after.translation, 3 * before.translation + [500, -20], atol=1e-3
        )
        assert after.scale == pytest.approx(3 * before.scale, rel=1e-5)

    def test_the_mirror_swaps_sides(self, puppet):
        landmarks = puppet.landmarks(10, 5, -8)
        before = angles(fit_pose(landmarks))
        mirrored = angles(fit_pose((landmarks * [-1, 1])[MIRRORED]))
        np.testing.assert_allclose(mirrored, before * [-1, 1, -1], atol=1e-3)

    def test_speech_does_not_move_the_head(self, puppet):
        shut, opened = (puppet.landmarks(8, 3, 2, aperture) for aperture in (0.0, 1.0))
        assert np.abs(shut[57] - opened[57]).max() > 2
        np.testing.assert_allclose(angles(fit_pose(opened)), angles(fit_pose(shut)), atol=1e-3)

    def test_many_at_once_are_each_alone(self, puppet):
        landmarks = np.stack([puppet.landmarks(yaw) for yaw in (-10, 0, 10)])
        for pose, points in zip(fit_poses(landmarks), landmarks, strict=True):
            np.testing.assert_allclose(pose.rotation, fit_pose(points).rotation, atol=1e-9)
        assert fit_poses(landmarks[:0]) == []


@pytest.mark.skipif(not LABELS.is_dir(), reason="no labelled clips here")
@pytest.mark.parametrize("name", ["talking__demo1_video", "talking__demo3_video"])
def test_agrees_with_labels_that_have_depth(name):
    """Rotations found from the points' depth too, of which the fit knows nothing."""
    with np.load(LABELS / f"{name}.npz") as file:
        labels = file["landmarks"].astype(np.float64)
    mean = aligned(labels, mean_shape()).mean(0)  # this person's own face
    rigid = [0, 1, 2, 14, 15, 16, *range(27, 36), 36, 39, 42, 45]
    offsets = labels[:, rigid] - labels[:, rigid].mean(1, keepdims=True)
    own = mean[rigid] - mean[rigid].mean(0)
    u, _, v = np.linalg.svd(np.swapaxes(offsets, 1, 2) @ own)
    solid = [HeadPose(rotation, np.zeros(2), 1.0) for rotation in u @ v]
    wanted, found = (
        np.stack([angles(p) for p in ps]) for ps in (solid, fit_poses(labels[..., :2]))
    )
    assert np.linalg.det(u @ v).min() > 0
    for axis in range(3):
        assert np.corrcoef(wanted[:, axis], found[:, axis])[0, 1] > 0.98
        assert (found - wanted)[:, axis].std() < 1.5
