"""Pairs: geometry that agrees with the pixels, and lips of another moment in the same face."""

import cv2
import numpy as np
import pytest

from avfuse.data.pairs import Moment, RenderedTwins, TransplantedMouths, View, lower_face, starts
from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.data.synthetic.identity import random_identity
from avfuse.data.synthetic.mouth import Lips
from avfuse.data.synthetic.pose import Pose
from avfuse.data.synthetic.render import Expression, Renderer
from avfuse.geometry.affine import compose, sample, similarity, transform
from avfuse.geometry.points import MIRRORED

SIZE = 160
YAW = 0.35 * np.sin(np.linspace(0, 20, 60))  # of a head that is shaken


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def shaking(tmp_path_factory, made):
    """A clip of a procedural head that turns from side to side while it speaks."""
    rng = random(6)
    who = random_identity(rng)
    renderer = Renderer(who, 64, rng)
    lips = [Lips(who, opening * who.opening, 0.0, 0.0, 0.0) for opening in rng.random(len(YAW))]
    expressions = [Expression(0.8, (0.0, 0.0), shape) for shape in lips]
    poses = [Pose((0.0, 0.0), 1.0, 0.0, yaw, 0.0) for yaw in YAW]
    landmarks = [renderer.landmarks(p, e) for p, e in zip(poses, expressions, strict=True)]
    frames = np.zeros((len(YAW), 64, 64, 3), np.uint8)
    points = np.stack(landmarks).astype(np.float32)
    clip = SyntheticClip(frames, np.zeros(38400, np.float32), points, np.arange(len(YAW)) / 25)
    return made.clip_file(tmp_path_factory.mktemp("shaking") / "clip.safetensors", clip)


class TestMirrored:
    def test_is_an_involution(self):
        np.testing.assert_array_equal(MIRRORED[MIRRORED], np.arange(68))

    def test_matches_the_geometry(self, twins):
        """A face in the mirror, relabelled, is a face again: every part lies where it was."""
        points = twins[0].landmarks[0]
        mirrored = (points * [-1, 1])[MIRRORED]
        onto = transform(mirrored, similarity(mirrored, points))
        unit = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
        assert np.linalg.norm(onto - points, axis=1).max() < 0.35 * unit
        wrong = transform(points * [-1, 1], similarity(points * [-1, 1], points))
        assert np.linalg.norm(wrong - points, axis=1).max() > unit


class TestSimilarity:
    def test_finds_a_known_one(self):
        points = random().uniform(0, 100, (21, 2)).astype(np.float32)
        angle, scale, shift = 0.4, 1.3, np.array([12.0, -7.0])
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found = similarity(points, points @ turn.T + shift)
        np.testing.assert_allclose(found, np.column_stack([turn, shift]), atol=1e-3)

    @pytest.mark.parametrize("seed", range(3))
    def test_agrees_with_opencv_on_noisy_points(self, seed):
        source = random(seed).uniform(0, 100, (21, 2)).astype(np.float32)
        target = (source @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + 5).astype(np.float32)
        target += random(seed + 9).normal(0, 0.5, target.shape).astype(np.float32)
        # All points count as inliers, and the refinement is least squares.
        want, _ = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=100)
        np.testing.assert_allclose(similarity(source, target), want, atol=2e-2)

    def test_compose_is_one_after_the_other(self):
        inner, outer = random(1).normal(size=(2, 2, 3)).astype(np.float32)
        points = random().normal(size=(5, 2)).astype(np.float32)
        twice = transform(transform(points, inner), outer)
        np.testing.assert_allclose(transform(points, compose(outer, inner)), twice, atol=1e-5)


def dotted(points, size):
    """A black picture with a soft white dot at each point."""
    rows, columns = np.mgrid[:size, :size]
    dots = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) for x, y in points]
    return np.repeat((np.sum(dots, 0).clip(0, 1) * 255).astype(np.uint8)[..., None], 3, -1)


def centroid(image, near, radius=7):
    """The centre of brightness around a place."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image[..., 0].astype(float) * (np.hypot(columns - near[0], rows - near[1]) < radius)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


class TestView:
    @pytest.mark.parametrize("mirror", [False, True])
    @pytest.mark.parametrize("warped", [False, True])
    def test_points_go_where_the_pixels_go(self, twins, mirror, warped):
        landmarks = twins[0].landmarks[0]
        warp = random(4).normal(0, 0.022, (4, 4, 2)).astype(np.float32) if warped else None
        view = View(SIZE, (0.03, -0.02), 1.05, 8.0, mirror, warp)
        matrix = view.matrix(landmarks)
        far = [8, 19, 24, 30, 36, 45, 48, 54]  # far enough from one another to tell dots apart
        seen = sample(dotted(landmarks[far], SIZE), matrix, view.grid())
        points = view.points(landmarks, matrix)[MIRRORED[far] if mirror else far]
        for point in points:
            np.testing.assert_allclose(centroid(seen, point), point, atol=0.5)

    def test_the_plain_view_is_the_networks_square(self, twins):
        landmarks = twins[0].landmarks[0]
        view = View.random(SIZE, random(), strength=0.0)
        assert view == View(SIZE)
        points = view.points(landmarks, view.matrix(landmarks))
        eyes, corners = points[36:48].mean(0), points[[48, 54]].mean(0)
        assert np.linalg.norm(corners - eyes) == pytest.approx(SIZE / 2.5, rel=1e-3)
        assert eyes[1] == pytest.approx(SIZE / 5, abs=1)

    def test_random_views_differ_and_keep_the_face(self, twins):
        views = [View.random(SIZE, random(seed)) for seed in range(40)]
        landmarks = twins[0].landmarks[0]
        mouths = [v.points(landmarks, v.matrix(landmarks))[48:].mean(0) for v in views]
        assert np.std(mouths, 0).min() > 3
        assert np.min(mouths) > 0.2 * SIZE
        assert np.max(mouths) < 0.95 * SIZE
        assert 10 < sum(v.mirror for v in views) < 30


class TestTransplantedMouths:
    @pytest.fixture(scope="class")
    @staticmethod
    def pair(twins):
        clip = twins[0]
        opening = clip.lips[:, 18, 1] - clip.lips[:, 14, 1]
        first, second = int(opening.argmin()), int(opening.argmax())
        source = TransplantedMouths(clip)
        return source.pair(Moment(clip, first), Moment(clip, second), View(SIZE))

    def test_eyes_are_identical(self, pair):
        nose = int(pair.landmarks1[27:31, 1].max()) - 3
        np.testing.assert_array_equal(pair.image1[:nose], pair.image2[:nose])
        np.testing.assert_array_equal(pair.landmarks1[17:48], pair.landmarks2[17:48])

    def test_lips_are_the_other_moments(self, pair):
        closed, opened = (p[66, 1] - p[62, 1] for p in (pair.landmarks1, pair.landmarks2))
        assert opened > closed + 3
        x, y = pair.landmarks1[48:].mean(0).astype(int)
        mouth = np.s_[y - 8 : y + 8, x - 8 : x + 8]
        difference = np.abs(pair.image1[mouth].astype(int) - pair.image2[mouth])
        assert difference.mean() > 10

    def test_outside_the_jaw_nothing_changes(self, pair):
        changed = (pair.image1 != pair.image2).any(-1).astype(np.uint8)
        both = np.concatenate([pair.landmarks1, pair.landmarks2])
        inside = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillConvexPoly(inside, cv2.convexHull(both.round().astype(np.int32)), 1)
        assert not (changed & ~cv2.dilate(inside, np.ones((9, 9))) & 1).any()

    def test_the_same_moment_twice_is_the_same_picture(self, twins):
        moment = Moment(twins[0], 5)
        pair = TransplantedMouths(twins[0]).pair(moment, moment, View.random(64, random(2)))
        assert np.abs(pair.image1.astype(int) - pair.image2).max() <= 1
        np.testing.assert_allclose(pair.landmarks1, pair.landmarks2, atol=1e-3)

    def test_moments_are_consecutive(self, twins):
        moments = TransplantedMouths(twins[0]).moments(random(), 4)
        for side in zip(*moments, strict=True):
            assert np.diff([m.number for m in side]).tolist() == [1, 1, 1]

    def test_moments_are_of_like_pose(self, shaking):
        rng, moments = random(4), TransplantedMouths(shaking).moments
        drawn = [moments(rng, 1)[0] for _ in range(300)]
        turned = np.array([abs(YAW[first.number] - YAW[second.number]) for first, second in drawn])
        anyhow = np.abs(YAW[:, None] - YAW).mean()
        assert np.degrees(turned).mean() < 0.4 * np.degrees(anyhow)
        assert len({first.number for first, _ in drawn}) > 0.9 * len(YAW)
        apart = [abs(first.number - second.number) for first, second in drawn]
        assert np.mean(np.array(apart) > 2) > 0.4

    def test_a_head_that_only_rolls_keeps_its_pose(self, tmp_path, made):
        """The transplant undoes roll, so any two moments will do."""
        clip = synthetic_clip(3, seconds=0.2, size=64)
        still = np.repeat(clip.landmarks[:1], len(clip.landmarks), 0)
        for number, points in enumerate(still):
            matrix = cv2.getRotationMatrix2D((32, 32), 12 * number, 1.0)
            still[number] = transform(points, matrix)
        rolling = made.clip_file(tmp_path / "clip.safetensors", clip._replace(landmarks=still))
        rng, source = random(5), TransplantedMouths(rolling)
        pairs = {tuple(m.number for m in source.moments(rng, 1)[0]) for _ in range(300)}
        assert len(pairs) == len(still) ** 2


class TestLowerFace:
    def test_below_the_nose_inside_the_jaw_and_feathered(self, twins):
        view = View(SIZE)
        points = view.points(twins[0].landmarks[0], view.matrix(twins[0].landmarks[0]))
        mask = lower_face(points, points, SIZE)
        rows, columns = points[:, 1], points[:, 0]
        assert mask.min() == 0
        assert mask.max() == pytest.approx(1)
        for x, y in points[48:]:
            assert mask[round(y), round(x)] > 0.9
        for x, y in points[[36, 39, 42, 45, 27, 28, 29]]:
            assert mask[round(y), round(x)] == 0
        touched = np.argwhere(mask > 0.5)
        assert touched[:, 0].max() < rows[8]
        assert touched[:, 1].min() > columns[3]
        assert touched[:, 1].max() < columns[13]
        assert np.abs(np.diff(mask, axis=0)).max() < 0.25


class TestRenderedTwins:
    def test_only_the_lower_face_differs(self, twins):
        source = RenderedTwins(*twins)
        first, second = source.moments(random(1), 1)[0]
        assert first.number == second.number
        assert first.clip is not second.clip
        pair = source.pair(first, second, View(SIZE))
        assert (pair.image1 != pair.image2).any()
        nose = int(pair.landmarks1[30, 1]) - 6
        np.testing.assert_array_equal(pair.image1[:nose], pair.image2[:nose])
        np.testing.assert_allclose(pair.landmarks1[17:48], pair.landmarks2[17:48], atol=1e-4)

    def test_either_twin_comes_first(self, twins):
        source = RenderedTwins(*twins)
        firsts = {id(source.moments(random(seed), 1)[0][0].clip) for seed in range(10)}
        assert firsts == {id(twins[0]), id(twins[1])}


def teststarts_are_those_from_which_enough_frames_follow():
    valid = np.array([0, 1, 2, 5, 6, 9])
    assert starts(valid, 1).tolist() == [0, 1, 2, 5, 6, 9]
    assert starts(valid, 2).tolist() == [0, 1, 5]
    assert starts(valid, 3).tolist() == [0]
    assert starts(valid, 4).tolist() == []
    assert starts(valid, 9).tolist() == []
