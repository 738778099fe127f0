"""How the dense points hang together: one symmetric sheet, its rings closed, true on real faces."""

from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from avfuse.geometry import dense
from avfuse.geometry.points import MIRRORED
from avfuse.geometry.procrustes import aligned

SHARED = Path(__file__).parents[3] / "shared" / "data"
RINGS = (dense.OVAL, dense.OUTER_LIPS, dense.INNER_LIPS, dense.LEFT_EYE, dense.RIGHT_EYE)


def edges(triangles):
    """Each edge with its direction, as the triangles run."""
    return [(int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)]


def ring_edges(ring):
    return {frozenset(pair) for pair in zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True)}


def triangle_set(triangles):
    """Triangles whatever point they begin with."""
    return {tuple(np.roll(t, -t.argmin()).tolist()) for t in triangles}


class TestSheet:
    def test_no_edge_belongs_to_more_than_two_triangles(self):
        """And the two run along it in opposite directions: all face one way."""
        assert max(Counter(edges(dense.triangles())).values()) == 1

    def test_its_only_edge_is_the_oval(self):
        directed = set(edges(dense.triangles()))
        border = {frozenset(e) for e in directed if e[::-1] not in directed}
        assert border == ring_edges(dense.OVAL)

    def test_is_a_disc_that_every_point_belongs_to(self):
        """Euler: points - edges + triangles = 1."""
        triangles = dense.triangles()
        lines = {frozenset(edge) for edge in edges(triangles)}
        assert set(triangles.ravel().tolist()) == set(range(dense.POINTS))
        assert dense.POINTS - len(lines) + len(triangles) == 1

    def test_its_edges_are_each_there_once(self):
        found = [frozenset(edge) for edge in dense.edges().tolist()]
        assert len(set(found)) == len(found)
        assert set(found) == {frozenset(edge) for edge in edges(dense.triangles())}

    def test_is_symmetric(self):
        mirror = dense.mirrored()[dense.triangles()][:, ::-1]
        assert triangle_set(mirror) == triangle_set(dense.triangles())

    def test_takes_little_room(self):
        name = resources.files("avfuse.geometry") / "weights" / "dense.safetensors"
        assert Path(str(name)).stat().st_size < 10_000


class TestRings:
    @pytest.mark.parametrize("ring", RINGS)
    def test_are_closed_along_edges(self, ring):
        lines = {frozenset(edge) for edge in edges(dense.triangles())}
        assert ring_edges(ring) <= lines
        assert len(set(ring.tolist())) == len(ring)

    @pytest.mark.parametrize("ring", RINGS[2:])
    def test_holes_are_closed_by_triangles_of_their_own(self, ring):
        """A polygon of n corners by n - 2, whose border is the ring."""
        inside = dense.within(ring)
        assert len(inside) == len(ring) - 2
        directed = set(edges(dense.triangles()[inside]))
        assert {frozenset(e) for e in directed if e[::-1] not in directed} == ring_edges(ring)
        assert not np.isin(inside, dense.skin()).any()

    def test_left_and_right_mirror_each_other(self):
        mirrored = dense.mirrored()
        assert ring_edges(mirrored[dense.LEFT_EYE]) == ring_edges(dense.RIGHT_EYE)
        for ring in RINGS[:3]:
            assert ring_edges(mirrored[ring]) == ring_edges(ring)
        np.testing.assert_array_equal(mirrored[dense.JAW], dense.JAW[::-1])

    def test_holds_the_landmarks_of_its_name(self):
        points = dense.LANDMARKS
        assert set(points[60:]) <= set(dense.INNER_LIPS)
        assert set(points[48:60]) <= set(dense.OUTER_LIPS)
        assert set(points[36:42]) <= set(dense.LEFT_EYE)
        assert set(points[42:48]) <= set(dense.RIGHT_EYE)
        assert set(points[1:16]) <= set(dense.JAW)


class TestMirror:
    def test_twice_is_nothing(self):
        np.testing.assert_array_equal(dense.mirrored()[dense.mirrored()], np.arange(dense.POINTS))

    def test_agrees_with_that_of_the_landmarks(self):
        np.testing.assert_array_equal(dense.mirrored()[dense.LANDMARKS], dense.LANDMARKS[MIRRORED])


def read(path):
    with np.load(path, allow_pickle=False) as file:
        points = file["points"][:, : dense.POINTS]
    return points[points[:, 0, 0] > -32768] / 16


@pytest.mark.skipif(not (SHARED / "mesh").is_dir(), reason="no labelled clips here")
class TestRealFaces:
    def test_landmarks_are_those_of_the_68(self):
        for name in ("s2__bgauza", "obama__00", "talking__demo3_video"):
            with np.load(SHARED / "landmarks" / f"{name}.npz", allow_pickle=False) as file:
                landmarks = file["landmarks"]
            landmarks = landmarks[~np.isnan(landmarks).any((1, 2))]
            found = dense.landmarks_of(read(SHARED / "mesh" / f"{name}.npz"))
            assert np.abs(found - landmarks)[..., :2].max() < 0.04  # a sixteenth of a pixel's half

    def test_no_triangle_of_the_skin_turns_over(self):
        """Where a face looks at the camera, all of them face outwards, as those of the mean do."""
        portraits = read(SHARED / "portraits" / "mesh.npz")
        mean = portraits.mean(0)
        sheet = dense.triangles()[dense.skin()]
        turned = _turned(aligned(portraits, mean), mean, sheet)
        assert turned.mean(0).max() < 0.01
        assert turned.mean() < 1e-4


def _turned(faces, mean, sheet):
    def normals(points):
        a, b, c = np.moveaxis(points[..., sheet, :], -2, 0)
        return np.cross(b - a, c - a)

    return (normals(faces) * normals(mean)).sum(-1) < 0
