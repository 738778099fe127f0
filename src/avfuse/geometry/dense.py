"""The 468 dense points of a face, in MediaPipe FaceMesh's numbering: how they hang together.

The triangulation is the library's own, made by [`avfuse.experts.face.triangulation`][]: symmetric,
a single sheet whose edge is the face's oval. What closes the eyes and the mouth are triangles of
their own, so that they can be left open. Left and right are the picture's.
"""

import functools

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import load_file

from avfuse.files.weights import shipped

POINTS = 468
"""Dense points of a face; those of the irises, which FaceMesh numbers behind them, are not used."""

LANDMARKS = np.array(
    [
        *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # jaw
        *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),  # brows
        *(168, 197, 5, 4, 75, 97, 2, 326, 305),  # nose
        *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
        *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
    ]
)
"""Which dense point each of the 68 is (iBUG order)."""

# Rings run clockwise in the picture: from the left corner over the top, the oval from its top.
OVAL = np.array(
    [
        *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288),  # right of the forehead
        *(397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172),  # under the mouth
        *(58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),  # up on the left
    ]
)
"""The ring around the face: where the sheet ends."""

JAW = OVAL[8:29][::-1]
"""The line from ear to ear around the chin, left to right; a part of the oval."""

OUTER_LIPS = np.array(
    [
        *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409),
        *(291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    ]
)
"""The ring where lips meet skin."""

INNER_LIPS = np.array(
    [
        *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
        *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
    ]
)
"""The ring around what opens; its first eleven points are the upper lip's."""

LEFT_EYE = np.array([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7])
"""The ring of the lids of the eye at the picture's left; its first nine points are above."""

RIGHT_EYE = np.array(
    [362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382]
)
"""That of the eye at the picture's right."""


@functools.cache
def mirrored() -> Int[np.ndarray, "468"]:
    """Which point takes a point's place when left and right change places."""
    return _table("mirrored")


@functools.cache
def triangles() -> Int[np.ndarray, "898 3"]:
    """The whole sheet, eyes and mouth closed: points of each triangle.

    They run anticlockwise as a camera sees a face that looks at it, so that with x right, y down
    and z away (b - a) × (c - a) points out of the face.
    """
    return _table("triangles")


@functools.cache
def edges() -> Int[np.ndarray, "1365 2"]:
    """The sides of all triangles, each once: points of both ends, the lower number first."""
    sides = np.concatenate([triangles()[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    found = np.unique(np.sort(sides, 1), axis=0)
    found.flags.writeable = False  # everybody shares it
    return found


def within(ring: Int[np.ndarray, "R"]) -> Int[np.ndarray, "_"]:
    """Which rows of `triangles` lie inside a ring of `R` points and touch no other point.

    Of `INNER_LIPS` those that close the mouth, of an eye's ring those that close the eye.
    """
    return np.flatnonzero(np.isin(triangles(), ring).all(1))


@functools.cache
def skin() -> Int[np.ndarray, "_"]:
    """Which rows of `triangles` are skin and lips: all but those in eyes and mouth."""
    holes = [within(ring) for ring in (INNER_LIPS, LEFT_EYE, RIGHT_EYE)]
    rows = np.setdiff1d(np.arange(len(triangles())), np.concatenate(holes))
    rows.flags.writeable = False  # everybody shares it
    return rows


def landmarks_of(points: Float[np.ndarray, "*T 468 D"]) -> Float[np.ndarray, "*T 68 D"]:
    """The 68 points (iBUG order) among the dense ones, in the plane or in space."""
    return points[..., LANDMARKS, :]


def _table(name: str) -> Int[np.ndarray, "..."]:
    path = shipped("avfuse.geometry", "dense.safetensors")
    table = load_file(path)[name].astype(np.int64)
    table.flags.writeable = False  # everybody shares it
    return table
