"""The mean face: learnt as it should be, and shipped as it was learnt."""

import sys
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors import safe_open

from avfuse.errors import InputError
from avfuse.experts.landmarks.mean_shape import (
    learn,
    main,
    normalised,
    read_people,
)
from avfuse.geometry.points import MIRRORED
from avfuse.geometry.pose import mean_shape
from avfuse.geometry.procrustes import aligned, symmetric

LABELS = Path(__file__).parents[4] / "shared" / "data" / "landmarks"
MADE_OF = ("s1", "s14", "s17", "s2", "s22", "s23", "s3", "s4", "talking")
SHIPPED = Path(str(resources.files("avfuse.geometry") / "weights" / "mean_shape.safetensors"))


def posed(shape, rng, degrees=15.0):
    """The shape, turned about a random axis, moved and scaled."""
    rotation = cv2.Rodrigues(np.radians(rng.normal(0, degrees, 3)))[0]
    return rng.uniform(50, 150) * shape @ rotation.T + rng.uniform(-100, 100, 3)


def people(rng, noise=0.0):
    return [
        np.stack([posed(mean_shape() + rng.normal(0, noise, (68, 3)), rng) for _ in range(count)])
        for count in (3, 10, 25)
    ]


class TestLearn:
    def test_finds_the_face_behind_poses_and_noise(self):
        shape = learn(people(np.random.default_rng(0), noise=0.01))
        onto = aligned(shape[None], mean_shape())[0]
        assert np.linalg.norm(onto - mean_shape(), axis=1).max() < 0.02

    def test_people_count_alike_whatever_their_frames(self):
        some = people(np.random.default_rng(1), noise=0.03)
        more = [some[0], some[1], np.concatenate([some[2]] * 3)]
        np.testing.assert_allclose(learn(more), learn(some), atol=1e-9)

    def test_looks_the_way_its_people_do(self):
        nod = cv2.Rodrigues(np.radians([20.0, 0, 0]))[0]
        shape = learn([(100 * mean_shape() @ nod.T + 50)[None]] * 2)
        np.testing.assert_allclose(shape, normalised(mean_shape() @ nod.T), atol=1e-6)

    def test_is_symmetric_and_measured_by_the_eyes(self):
        shape = learn(people(np.random.default_rng(2), noise=0.03))
        np.testing.assert_allclose(symmetric(shape, MIRRORED), shape, atol=1e-12)
        np.testing.assert_allclose(shape[36:48].mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(shape[45] - shape[36], [1, 0, 0], atol=1e-12)


class TestShipped:
    def test_is_symmetric_and_measured_by_the_eyes(self):
        np.testing.assert_allclose(
            normalised(symmetric(mean_shape(), MIRRORED)), mean_shape(), atol=1e-6
        )

    def test_the_tip_of_the_nose_is_nearest_the_camera(self):
        depth = mean_shape()[:, 2]
        assert depth.argmin() in (30, 33)
        assert depth[[0, 16]].min() > depth[36:48].max()
        assert (depth[48:] < depth[36:48].min()).mean() > 0.8

    def test_is_upright(self):
        assert mean_shape()[17:27, 1].max() < mean_shape()[36:48, 1].min()
        assert mean_shape()[:, 1].argmax() == 8

    def test_says_what_it_was_made_of(self):
        with safe_open(SHIPPED, "np") as file:
            credit = file.metadata()["credit"]
            assert file.get_tensor("points").dtype == np.float32
        assert all(word in credit for word in ("GRID", "CC BY 4.0", "MediaPipe", "Apache-2.0"))

    @pytest.mark.slow
    @pytest.mark.skipif(not LABELS.is_dir(), reason="no labelled clips here")
    def test_can_be_made_again(self):
        np.testing.assert_allclose(learn(read_people(LABELS, MADE_OF)), mean_shape(), atol=1e-5)


class TestCommand:
    def test_writes_the_shape_of_a_folder(self, tmp_path, monkeypatch):
        rng = np.random.default_rng(0)
        for name, frames in zip(("ann__1", "ann__2", "ben__1"), people(rng), strict=True):
            frames[0] = np.nan  # no face there
            np.savez_compressed(tmp_path / f"{name}.npz", landmarks=frames.astype(np.float32))
        words = [str(tmp_path), str(tmp_path / "shape.safetensors"), "--credit", "nobody"]
        monkeypatch.setattr(sys, "argv", ["mean_shape", *words])
        main()
        with safe_open(tmp_path / "shape.safetensors", "np") as file:
            assert file.metadata() == {"credit": "nobody"}
            onto = aligned(file.get_tensor("points")[None].astype(float), mean_shape())[0]
        np.testing.assert_allclose(onto, mean_shape(), atol=1e-4)
        assert not list(tmp_path.glob("*.part"))

    def test_clips_of_one_person_belong_together(self, tmp_path):
        frames = np.zeros((2, 68, 3), np.float32)
        for name in ("ann__1", "ann__2", "ben__1"):
            np.savez(tmp_path / f"{name}.npz", landmarks=frames)
        assert [len(p) for p in read_people(tmp_path)] == [4, 2]
        assert [len(p) for p in read_people(tmp_path, ["ben"])] == [2]
        with pytest.raises(InputError, match="has no clip of cat"):
            read_people(tmp_path, ["ann", "cat"])

    def test_refuses_what_holds_no_faces(self, tmp_path):
        with pytest.raises(InputError, match="holds no labelled face"):
            read_people(tmp_path)
        np.savez(tmp_path / "ann__1.npz", landmarks=np.zeros((3, 68, 2)))
        with pytest.raises(InputError, match=r"expected \(frames, 68, 3\)"):
            read_people(tmp_path)
        np.savez(tmp_path / "ann__1.npz", points=np.zeros((3, 68, 3)))
        with pytest.raises(InputError, match="an array `landmarks`"):
            read_people(tmp_path)
