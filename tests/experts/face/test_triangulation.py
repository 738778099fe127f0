"""Triangles and mirror: by scipy's Delaunay, from faces whose mirror is known, and as shipped."""

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.spatial import Delaunay

from avfuse.data.dense_labels import read_clips, read_faces
from avfuse.errors import InputError
from avfuse.experts.face.triangulation import (
    delaunay,
    main,
    mean_face,
    normalised,
    speaking_face,
    triangulate,
)
from avfuse.geometry import dense
from avfuse.geometry.procrustes import symmetric

SHARED = Path(__file__).parents[4] / "shared" / "data"


class TestDelaunay:
    @pytest.mark.parametrize("seed", range(3))
    def test_agrees_with_scipy(self, seed):
        points = np.random.default_rng(seed).normal(size=(120, 2))
        ours, theirs = delaunay(points), Delaunay(points).simplices
        assert {frozenset(t) for t in ours.tolist()} == {frozenset(t) for t in theirs.tolist()}

    def test_runs_anticlockwise_where_y_points_down(self):
        points = np.random.default_rng(3).uniform(size=(50, 2))
        a, b, c = np.moveaxis(points[delaunay(points)], 1, 0)
        (x, y), (u, v) = (b - a).T, (c - a).T
        assert (x * v - y * u).max() < 0


class TestMeanFace:
    def test_finds_who_mirrors_whom(self, made):
        mean, mirror = mean_face(made.portraits)
        np.testing.assert_array_equal(mirror, dense.mirrored())
        np.testing.assert_allclose(symmetric(mean, mirror), mean, atol=1e-9)
        np.testing.assert_allclose(normalised(mean), mean, atol=1e-9)

    def test_refuses_faces_that_have_no_mirror(self):
        with pytest.raises(InputError, match="no mirror image"):
            mean_face(np.random.default_rng(0).normal(size=(3, 468, 3)))


def test_command_finds_the_same_triangles(made, tmp_path, monkeypatch):
    """Nearly all as shipped, from other people who speak: little hangs on whose faces they are."""
    (tmp_path / "clips").mkdir()
    for number, faces in enumerate(made.people):
        points = np.round(16 * faces).astype(np.int16)
        np.savez(tmp_path / "clips" / f"{number}__1.npz", points=points)
    portraits = np.round(16 * made.portraits).astype(np.int16)
    np.savez(tmp_path / "portraits.npz", points=portraits)
    words = ["clips", "portraits.npz", "dense.safetensors"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["triangulation", *words])
    main()
    table = load_file("dense.safetensors")
    np.testing.assert_array_equal(table["mirrored"], dense.mirrored())
    found = {frozenset(t) for t in table["triangles"].tolist()}
    same = found & {frozenset(t) for t in dense.triangles().tolist()}
    assert len(same) > 0.9 * len(found)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="no labelled clips here")
def test_shipped_can_be_made_again():
    mean, mirror = mean_face(read_faces(SHARED / "portraits" / "mesh.npz"))
    face = speaking_face(read_clips(SHARED / "mesh").values(), mean, mirror)
    np.testing.assert_array_equal(triangulate(face, mirror), dense.triangles())
    np.testing.assert_array_equal(mirror, dense.mirrored())
