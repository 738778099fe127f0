"""Dense points of faces that another tracker follows: read where it says, steadied over time."""

from typing import NamedTuple

import numpy as np
import pytest

from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.faces.dense_tracker import DenseTracker, steadied_meshes
from avfuse.faces.tracker import Face, FixedBox
from avfuse.geometry.box import Box
from avfuse.geometry.dense import landmarks_of
from avfuse.video.read import TimedFrame, frames

STILL = np.random.default_rng(0).uniform(40, 160, (468, 3))
BOX = Box(50.0, 50.0, 150.0, 150.0)
GREY = np.zeros((2, 2, 3), np.uint8)


class Shown(NamedTuple):
    """What a tracker gives: a frame with its faces."""

    frame: TimedFrame
    faces: tuple


def clip(meshes, fps=25.0, track=0):
    faces = [() if m is None else (Face(BOX, 1.0, track=track, mesh=m),) for m in meshes]
    return [Shown(TimedFrame(GREY, i / fps), f) for i, f in enumerate(faces)]


def steadied(meshes):
    return [faces[0].mesh for _, faces in steadied_meshes(clip(meshes))]


class TestSteadied:
    def test_noise_is_lessened(self):
        noise = np.random.default_rng(1).normal(0, 0.3, (60, 468, 3))
        out = np.array(steadied(STILL + noise))[10:-10]
        assert out.std(0).mean() < 0.5 * noise.std(0).mean()

    def test_what_moves_does_not_lag(self):
        """A leap of a tenth of the face between two frames stays where it is."""
        leap = np.where(np.arange(40) < 20, 0.0, 10.0)[:, None, None]
        out = np.array(steadied(STILL + leap))
        np.testing.assert_allclose(out - STILL, np.broadcast_to(leap, out.shape), atol=0.01)

    def test_a_steady_motion_keeps_its_place(self):
        motion = np.linspace(0, 30, 60)[:, None, None]
        out = np.array(steadied(STILL + motion))[10:-10]
        np.testing.assert_allclose(out, (STILL + motion)[10:-10], atol=0.05)

    def test_nothing_is_mixed_across_tracks(self):
        one, two = clip([STILL] * 20), clip([STILL + 0.5] * 20, track=1)
        both = [Shown(a.frame, a.faces + b.faces) for a, b in zip(one, two, strict=True)]
        for _, faces in steadied_meshes(both):
            np.testing.assert_allclose(faces[0].mesh, STILL)
            np.testing.assert_allclose(faces[1].mesh, STILL + 0.5)

    def test_frames_without_a_face_pass(self):
        meshes = [STILL, None, STILL, None, None]
        out = list(steadied_meshes(clip(meshes)))
        assert [len(faces) for _, faces in out] == [1, 0, 1, 0, 0]
        assert [frame.time for frame, _ in out] == [i / 25 for i in range(5)]

    def test_faces_without_dense_points_pass(self):
        shown = [Shown(TimedFrame(GREY, 0.0), (Face(BOX, 0.5),))]
        assert next(steadied_meshes(shown))[1] == (Face(BOX, 0.5),)

    @pytest.mark.parametrize("fps", [25.0, 200.0])
    def test_holds_back_no_more_than_it_needs(self, fps):
        read, given = [], []

        def counted():
            for shown in clip([STILL] * 100, fps):
                read.append(shown)
                yield shown

        for number, _ in enumerate(steadied_meshes(counted())):
            given.append(len(read) - number)
        assert max(given) == {25.0: 12, 200.0: 41}[fps]


class TestTracker:
    def test_reads_what_the_tracker_follows(self, face, person):
        shown = list(DenseTracker(BuiltinTracker()).track(frames(face)))
        assert len(shown) == 15
        for (_, (one,)), truth in zip(shown, person.landmarks.astype(float), strict=True):
            eyes = np.linalg.norm(truth[45] - truth[36])
            assert one.mesh.shape == (468, 3)
            off = landmarks_of(one.mesh)[:, :2] - one.landmarks
            assert np.linalg.norm(off, axis=1).mean() < 0.08 * eyes

    def test_changes_nothing_else_of_a_face(self, face):
        plain = list(BuiltinTracker().track(frames(face)))
        dense = list(DenseTracker(BuiltinTracker()).track(frames(face)))
        for (_, (one,)), (_, (other,)) in zip(plain, dense, strict=True):
            assert other.box == one.box
            np.testing.assert_array_equal(other.landmarks, one.landmarks)
            assert other._replace(mesh=None, landmarks=None) == one._replace(landmarks=None)

    def test_serves_one_face_too(self, face):
        tracked = OneFace(DenseTracker(BuiltinTracker())).track(frames(face))
        assert all(one.mesh is not None for _, one in tracked)

    def test_gives_none_where_there_are_no_landmarks(self, face):
        tracker = DenseTracker(FixedBox((20.0, 20.0, 120.0, 120.0)))
        assert all(faces[0].mesh is None for _, faces in tracker.track(frames(face)))
