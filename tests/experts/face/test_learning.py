"""The face model: the truth found again in people made of it, smiles told from who smiles."""

import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from avfuse.data.dense_labels import read_clips, read_faces
from avfuse.errors import InputError
from avfuse.experts.face.evaluation import bundled, lips_opened
from avfuse.experts.face.learning import HELD, at_rest, learn, main, summed, told_apart
from avfuse.geometry import dense
from avfuse.geometry.pose import mean_shape
from avfuse.geometry.procrustes import aligned, symmetric

SHARED = Path(__file__).parents[4] / "shared" / "data"
MADE_OF = ("s1", "s2", "s17", "s22", "obama", "crema_1001")
SHIPPED = Path(str(resources.files("avfuse.geometry") / "weights" / "face_model.safetensors"))


def distance(offsets):
    return np.sqrt((offsets**2).sum(-1).mean())


def flat(basis):
    return basis.reshape(len(basis), -1)


def share_within(inner, outer):
    """How much of components another basis spans."""
    axes = np.linalg.svd(flat(outer), full_matrices=False)[2]
    inside = flat(inner) @ axes.T
    return (inside**2).sum() / (inner**2).sum()


@pytest.fixture(scope="module")
def learnt(made):
    return learn(made.people, made.portraits)


class TestLearn:
    def test_finds_what_expressions_change(self, learnt, truth):
        """Up to how a head lies, which is told by the points that move least."""
        assert share_within(learnt.expression[:4], truth.expression) > 0.98
        assert distance(learnt.expression[5]) < 0.05 * distance(learnt.expression[0])

    def test_finds_what_people_differ_by(self, learnt, truth):
        assert share_within(learnt.identity[:6], truth.identity) > 0.93

    def test_takes_the_smile_out_of_the_mean(self, learnt, truth):
        onto = aligned(learnt.mean[None], truth.mean)[0]
        smile = distance(summed(np.array([0, -3, 0.5, 0]), truth.expression))
        assert distance(onto - truth.mean) < 0.4 * smile  # five people are few

    def test_no_identity_opens_the_lips(self, learnt, made):
        gap = made.portraits[:, 14] - made.portraits[:, 13]
        widths = np.linalg.norm(made.portraits[:, 263] - made.portraits[:, 33], axis=1)
        differ = (np.linalg.norm(gap, axis=1) / widths).std()
        assert lips_opened(learnt) < 0.2 * differ

    def test_components_are_symmetric_or_antisymmetric(self, learnt):
        for component in (*learnt.identity[:5], *learnt.expression[:5]):
            mirrored = (component * [-1, 1, 1])[dense.mirrored()]
            alike = (mirrored * component).sum() / (component**2).sum()
            assert abs(alike) == pytest.approx(1, abs=0.02)

    def test_rest_is_where_the_lips_are_shut(self, made, truth):
        rests = at_rest(made.people, truth.mean)
        for rest in rests:
            assert distance(rest.moved[:20]) < 0.15 * distance(rest.moved[20:])


def test_tells_apart_what_each_coefficient_adds(truth):
    rng = np.random.default_rng(1)
    people, moments = rng.normal(size=(9, 6)), rng.normal(size=(9, 4))
    offsets = summed(people, truth.identity) + summed(moments, truth.expression)
    found = told_apart(offsets, truth, np.zeros(4))
    np.testing.assert_allclose(found[0], people, atol=0.1)
    np.testing.assert_allclose(found[1], moments, atol=0.1)


class TestShipped:
    def test_is_symmetric_and_lies_as_the_librarys_mean_face(self):
        mean = bundled().mean
        np.testing.assert_allclose(symmetric(mean, dense.mirrored()), mean, atol=1e-5)
        points = mean[dense.LANDMARKS]
        np.testing.assert_allclose(aligned(points[None], mean_shape())[0], points, atol=1e-5)

    def test_says_what_it_was_made_of_and_is_small(self):
        with safe_open(SHIPPED, "np") as file:
            credit = file.metadata()["credit"]
        assert all(word in credit for word in ("GRID", "CC BY 4.0", "CREMA-D", "MediaPipe"))
        assert SHIPPED.stat().st_size < 1_000_000

    @pytest.mark.slow
    @pytest.mark.skipif(not SHARED.is_dir(), reason="no labelled clips here")
    def test_can_be_made_again(self):
        clips = read_clips(SHARED / "mesh")
        portraits = read_faces(SHARED / "portraits" / "mesh.npz")
        kept = portraits[np.arange(len(portraits)) % HELD > 0]
        again, there = learn([clips[name] for name in MADE_OF], kept), bundled()
        np.testing.assert_allclose(again.mean, there.mean, atol=1e-5)
        for ours, shipped in zip(again[1:], there[1:], strict=True):
            assert share_within(shipped, ours) > 1 - 1e-5


class TestCommand:
    @pytest.fixture
    def folder(self, made, tmp_path, monkeypatch):
        (tmp_path / "clips").mkdir()
        for number, faces in enumerate(made.people[:2]):
            points = np.round(16 * faces[:30]).astype(np.int16)
            np.savez(tmp_path / "clips" / f"p{number}__1.npz", points=points)
        points = np.round(16 * made.portraits[:40]).astype(np.int16)
        np.savez(tmp_path / "portraits.npz", points=points)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_writes_a_model(self, folder, monkeypatch):
        words = ["clips", "portraits.npz", "model.safetensors", "--credit", "nobody"]
        monkeypatch.setattr(sys, "argv", ["learning", *words])
        main()
        with safe_open(folder / "model.safetensors", "np") as file:
            assert file.metadata() == {"credit": "nobody"}
            assert file.get_tensor("mean").shape == (468, 3)
            assert file.get_tensor("expression").shape == (30, 468, 3)
        assert not list(folder.glob("*.part"))

    def test_refuses_people_who_are_not_there(self, folder, monkeypatch):
        words = ["clips", "portraits.npz", "model.safetensors", "--people", "p0", "cat"]
        monkeypatch.setattr(sys, "argv", ["learning", *words])
        with pytest.raises(InputError, match="has no clip of cat"):
            main()
