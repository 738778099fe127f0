"""How the dense points hang together, found from labels: which mirror each other, and triangles.

    python -m avfuse.experts.face.triangulation CLIPS PORTRAITS OUTPUT --credit TEXT

learns it from a folder of labelled clips and a file of labelled portraits, and writes what
[`avfuse.geometry.dense`][] reads.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import save as save_bytes

from avfuse.data.dense_labels import Face, Faces, read_clips, read_faces
from avfuse.errors import InputError
from avfuse.files.whole import write_whole
from avfuse.geometry.dense import LANDMARKS
from avfuse.geometry.procrustes import aligned, symmetric

Mirror = Int[np.ndarray, "468"]
Triangles = Int[np.ndarray, "_ 3"]

_ROUNDS = 6  # of alignment and averaging
_OPEN = 0.02  # of a person's frames are taken, those with the mouth widest open
_UPPER, _LOWER = 13, 14  # the inner lips' middles
_AXIS = 1.0  # how far behind the eyes the cylinder's axis stands, in distances of their corners


def mean_face(faces: Faces) -> tuple[Face, Mirror]:
    """The symmetric mean of faces (generalised Procrustes), and which points mirror each other.

    Raises:
        InputError: if a point has no partner.
    """
    mean = normalised(faces.mean(0))
    for _ in range(_ROUNDS):
        mean = normalised(aligned(faces, mean).mean(0))
        mirror = partners(mean)
        mean = normalised(symmetric(mean, mirror))
    if (mirror[mirror] != np.arange(len(mirror))).any():
        raise InputError("some points have no mirror image among the others; give more faces")
    return mean, mirror


def partners(face: Face) -> Mirror:
    """Of each point, which lies nearest to its mirror image."""
    images = face * [-1, 1, 1]
    return ((images[:, None] - face) ** 2).sum(-1).argmin(1)


def normalised(face: Face) -> Face:
    """Moved to 0 between the eyes, scaled to 1 from one eye's outer corner to the other's."""
    points = face[LANDMARKS]
    return (face - points[36:48].mean(0)) / np.linalg.norm(points[45] - points[36])


def speaking_face(people: Iterable[Faces], mean: Face, mirror: Mirror) -> Face:
    """The mean of people with their mouths open: between closed lips no triangle could be seen."""
    opened = []
    for faces in people:
        laid = aligned(faces, mean)
        gap = laid[:, _LOWER, 1] - laid[:, _UPPER, 1]
        widest = gap.argsort()[-max(1, round(_OPEN * len(gap))) :]
        opened.append(laid[widest].mean(0))
    return symmetric(np.mean(opened, 0), mirror)


def triangulate(face: Face, mirror: Mirror) -> Triangles:
    """Delaunay's triangles of the left half, unrolled from a cylinder, and their mirror images.

    Args:
        face: symmetric, its mouth and eyes open, as `normalised`.
        mirror: which points mirror each other; those on the middle line mirror themselves.

    Returns:
        Rows that run anticlockwise as a camera sees them, ordered.
    """
    flat = np.stack([np.arctan2(face[:, 0], _AXIS - face[:, 2]) * _AXIS, face[:, 1]], 1)
    left = np.flatnonzero((face[:, 0] < 0) | (mirror == np.arange(len(face))))
    half = left[delaunay(flat[left])]
    both = np.concatenate([half, mirror[half][:, ::-1]])
    first = both.argmin(1)[:, None]
    rows = np.take_along_axis(both, (first + np.arange(3)) % 3, 1)
    return rows[np.lexsort(rows.T[::-1])]


def delaunay(points: Float[np.ndarray, "P 2"]) -> Triangles:
    """Delaunay's triangulation, point by point (Bowyer 1981, Watson 1981).

    Returns:
        Triangles that run anticlockwise where y points down.
    """
    count = len(points)
    around = 1e4 * np.ptp(points) * np.array([[-1, 1], [1, 1], [0, -2]]) + points.mean(0)
    places = np.concatenate([points, around])
    triangles = np.array([[count, count + 1, count + 2]])
    for index in range(count):
        struck = _in_circle(places[triangles], places[index])
        rim = _rim(triangles[struck])
        fan = np.column_stack([rim, np.full(len(rim), index)])
        triangles = np.concatenate([triangles[~struck], fan])
    return triangles[(triangles < count).all(1)]


def _in_circle(corners: Float[np.ndarray, "F 3 2"], point: Float[np.ndarray, "2"]) -> np.ndarray:
    """Whether a point lies in the circle through each triangle's corners."""
    x, y = np.moveaxis(corners - point, -1, 0)
    rows = np.stack([x, y, x**2 + y**2], -1)
    inside: np.ndarray = np.linalg.det(rows) < 0
    return inside


def _rim(triangles: Triangles) -> Int[np.ndarray, "_ 2"]:
    """Edges that no neighbour among them shares."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there = {(int(a), int(b)) for a, b in edges}
    return np.array([edge for edge in there if edge[::-1] not in there])


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.face.triangulation")
    parser.add_argument("clips", type=Path, help="folder of <person>__<clip>.npz")
    parser.add_argument("portraits", type=Path, help=".npz of one face each of many people")
    parser.add_argument("output", type=Path, help="the .safetensors file to write")
    parser.add_argument("--credit", default="", help="the data and their licences")
    options = parser.parse_args()
    mean, mirror = mean_face(read_faces(options.portraits))
    face = speaking_face(read_clips(options.clips).values(), mean, mirror)
    tables = {"triangles": triangulate(face, mirror), "mirrored": mirror}
    small = {name: table.astype(np.int16) for name, table in tables.items()}
    write_whole(options.output, save_bytes(small, {"credit": options.credit}))


if __name__ == "__main__":
    main()
