"""A picture of a face, drawn anew with its points elsewhere: a warp by the mesh's triangles.

Around the face lies a ring of points that stay, so that the skin between them and the jaw gives
and the background does not tear. What lies between the lips comes from another picture.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from avfuse.data.dense_labels import Face
from avfuse.geometry import dense
from avfuse.geometry.box import Frame
from avfuse.geometry.rasteriser import interpolated, rasterise

_AROUND = 1.35  # the ring that stays, in ovals of the face
_SOFT = 0.8  # pixels by which seams between lips are blurred
_APART = 1.0  # pixels between the sources of neighbours, more than any stretching of skin
_NEIGHBOURS = np.ones((3, 3), np.uint8)


class Inside(NamedTuple):
    """What is seen between the lips.

    Attributes:
        picture: of any face, in the portrait's colours.
        ring: its inner lips (`dense.INNER_LIPS`), in its pixels.
    """

    picture: Frame
    ring: Float[np.ndarray, "20 2"]


def redrawn(
    picture: Frame, points: Face, targets: Sequence[Face], insides: Sequence[Inside]
) -> UInt8[np.ndarray, "N H W 3"]:
    """Draw a face once for each of N targets.

    Pixels outside the triangles that move are the picture's own, bit by bit.

    Args:
        picture: of the face.
        points: in its pixels.
        targets: where the points are to be; those at the edge of the face may leave it a little.
        insides: of each.
    """
    before, after = _with_ring(points[None]), _with_ring(np.stack(targets), points)
    mesh = np.concatenate([_moving(before, after), _mouth()])
    rings = np.stack([inside.ring for inside in insides])
    places = np.concatenate([(before - after)[..., :2], rings], 1)
    after = np.concatenate([after, after[:, dense.INNER_LIPS]], 1)
    window = _window(after[:, mesh, :2], picture)
    drawn = np.repeat(picture[None], len(targets), 0)
    sources = _sources(after, mesh, places, window)
    for image, source, inside in zip(drawn, sources, insides, strict=True):
        _draw(image[window], picture, source, inside.picture)
    return drawn


class _Sources(NamedTuple):
    """Where the pixels of a part of a picture come from, and which of them lie where."""

    skin: Bool[np.ndarray, "h w"]
    mouth: Bool[np.ndarray, "h w"]
    places: Float[np.ndarray, "h w 2"]
    """In the picture itself, or in the one that shows the inside."""


def _sources(
    after: Float[np.ndarray, "N P 3"],
    mesh: Int[np.ndarray, "F 3"],
    places: Float[np.ndarray, "N P 2"],
    window: tuple[slice, slice],
) -> Iterator[_Sources]:
    """Of each target; `places` are offsets in the picture, and places in others behind them."""
    rows, columns = window
    y, x = np.mgrid[window].astype(np.float32)
    triangles = torch.from_numpy(mesh)
    seen = torch.from_numpy(after - [columns.start, rows.start, 0]).float()
    raster = rasterise(seen, triangles, *x.shape)
    laid = interpolated(raster, triangles, torch.from_numpy(places).float())
    mouth = (raster.triangle >= len(mesh) - len(_mouth())).numpy()
    skin = raster.covered.numpy() & ~mouth
    own = laid.permute(0, 2, 3, 1).numpy() + np.stack([x, y], -1) * ~mouth[..., None]
    for parts in zip(skin, mouth, own, strict=True):
        yield _Sources(*parts)


def _draw(
    part: UInt8[np.ndarray, "h w 3"],
    picture: Frame,
    source: _Sources,
    inside: UInt8[np.ndarray, "_ _ 3"],
) -> None:
    """Draw a part of a picture, in place."""
    part[source.skin] = _taken(picture, source.places, cv2.INTER_CUBIC)[source.skin]
    if source.mouth.any():
        places = source.places[source.mouth][:, None]
        part[source.mouth] = _taken(inside, places, cv2.INTER_LINEAR)[:, 0]
    seam = _seam(source)
    part[seam] = cv2.GaussianBlur(part, (3, 3), _SOFT)[seam]


def _seam(source: _Sources) -> Bool[np.ndarray, "h w"]:
    """Where what lies above each other comes from places apart: where lips meet, or their edge."""
    x, y = np.abs(np.diff(source.places, axis=0) - [0, 1]).transpose(2, 0, 1)
    jumps = np.pad(np.maximum(x, y) > _APART, ((0, 1), (0, 0)))
    inner = cv2.erode((source.skin | source.mouth).astype(np.uint8), _NEIGHBOURS)
    return cv2.dilate((jumps & (inner > 0)).astype(np.uint8), _NEIGHBOURS) > 0


def _taken(
    picture: Frame, places: Float[np.ndarray, "h w 2"], how: int
) -> UInt8[np.ndarray, "h w 3"]:
    return cv2.remap(picture, places, np.empty(0), how, borderMode=cv2.BORDER_REPLICATE)


def _with_ring(
    faces: Float[np.ndarray, "N 468 3"], still: Face | None = None
) -> Float[np.ndarray, "N 504 3"]:
    """Faces, and the ring around one of them or around each."""
    oval = (faces if still is None else still[None])[:, dense.OVAL]
    centre = oval.mean(1, keepdims=True)
    ring = centre + _AROUND * (oval - centre)
    return np.concatenate([faces, np.broadcast_to(ring, (len(faces), *ring.shape[1:]))], 1)


def _moving(
    before: Float[np.ndarray, "1 P 3"], after: Float[np.ndarray, "N P 3"]
) -> Int[np.ndarray, "_ 3"]:
    """Triangles of the face and around it of which any corner moves in any of N faces."""
    moves = (after != before).any((0, 2))
    return _mesh()[moves[_mesh()].any(1)]


def _window(points: Float[np.ndarray, "*P 2"], picture: Frame) -> tuple[slice, slice]:
    """The part of a picture in which points lie: rows and columns."""
    flat, high = points.reshape(-1, 2), np.array(picture.shape[1::-1])
    x, y = np.clip(np.floor(flat.min(0)), 0, high - 1).astype(int)
    right, bottom = np.clip(np.ceil(flat.max(0)) + 1, (x + 1, y + 1), high).astype(int)
    return slice(int(y), int(bottom)), slice(int(x), int(right))


@functools.cache
def _mesh() -> Int[np.ndarray, "_ 3"]:
    """Triangles of the face, its mouth left open, and between its edge and the ring around it."""
    mouth = dense.within(dense.INNER_LIPS)
    face = np.delete(dense.triangles(), mouth, 0)
    outer = dense.POINTS + np.arange(len(dense.OVAL))
    after, beyond = np.roll(dense.OVAL, -1), np.roll(outer, -1)
    strip = [(dense.OVAL, outer, after), (after, outer, beyond)]
    return np.concatenate([face, *(np.stack(corners, 1) for corners in strip)])


@functools.cache
def _mouth() -> Int[np.ndarray, "_ 3"]:
    """Triangles between the inner lips, whose points are numbered anew behind all others."""
    rows = dense.triangles()[dense.within(dense.INNER_LIPS)]
    order = np.argsort(dense.INNER_LIPS)
    number = order[np.searchsorted(dense.INNER_LIPS[order], rows)]
    return dense.POINTS + len(dense.OVAL) + number
