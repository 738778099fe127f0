"""A picture of a face, drawn anew with its points elsewhere: a warp by the mesh's triangles.

Around the face lies a ring of points that stay, so that the skin between them and the jaw gives
and the background does not tear. What lies between the lips comes from another picture.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8

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
        targets: where the points are to be; only those around the mouth may differ.
        insides: of each.
    """
    before, after = _with_ring(points[None]), _with_ring(np.stack(targets), points)
    moving = np.abs(after - before).max((0, 2)) > 0
    mesh = _mesh()[np.isin(_mesh(), np.flatnonzero(moving)).any(1)]
    mesh = np.concatenate([mesh, _mouth()])
    corner, size = _window(after[:, mesh[mesh < before.shape[1]]], picture)
    after = np.concatenate([after, after[:, dense.INNER_LIPS]], 1)
    rings = np.stack([inside.ring for inside in insides])
    places = np.concatenate([(before - after[:, : before.shape[1]])[..., :2], rings], 1)
    drawn = np.repeat(picture[None], len(targets), 0)
    laid = _sources(after - [*corner, 0], mesh, places, size)
    for number, (where, inside) in enumerate(zip(laid, insides, strict=True)):
        x, y = corner
        part = drawn[number, y : y + size[0], x : x + size[1]]
        _draw(part, picture, where, inside.picture, corner)
    return drawn


class _Where(NamedTuple):
    """Where pixels come from: as offsets in the picture, or as places between other lips."""

    skin: np.ndarray
    mouth: np.ndarray
    place: np.ndarray


def _sources(
    after: np.ndarray, mesh: Int[np.ndarray, "F 3"], places: np.ndarray, size: tuple[int, int]
) -> list[_Where]:
    triangles = torch.from_numpy(mesh)
    raster = rasterise(torch.from_numpy(after).float(), triangles, *size)
    laid = interpolated(raster, triangles, torch.from_numpy(places).float())
    mouth = (raster.triangle >= len(mesh) - len(_mouth())).numpy()
    skin = raster.covered.numpy() & ~mouth
    return [_Where(*one) for one in zip(skin, mouth, laid.permute(0, 2, 3, 1).numpy(), strict=True)]


def _draw(
    part: np.ndarray, picture: Frame, where: _Where, other: Frame, corner: tuple[int, int]
) -> None:
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]].astype(np.float32)
    own = where.place + np.stack([columns + corner[0], rows + corner[1]], -1)
    skin = _taken(picture, own, cv2.INTER_CUBIC)
    part[where.skin] = skin[where.skin]
    if where.mouth.any():
        places = where.place[where.mouth][:, None]
        part[where.mouth] = _taken(other, places, cv2.INTER_LINEAR)[:, 0]
    seam = _seam(where)
    part[seam] = cv2.GaussianBlur(part, (3, 3), _SOFT)[seam]


def _seam(where: _Where) -> np.ndarray:
    """Where neighbours come from places apart: the lips' edge, and where lips meet."""
    x, y = np.abs(np.diff(where.place, axis=0)).transpose(2, 0, 1)
    jumps = np.maximum(x, y) > _APART
    return cv2.dilate(np.pad(jumps, ((0, 1), (0, 0))).astype(np.uint8), _NEIGHBOURS) > 0


def _taken(picture: Frame, places: np.ndarray, how: int) -> np.ndarray:
    return cv2.remap(picture, places, np.empty(0), how, borderMode=cv2.BORDER_REPLICATE)


def _with_ring(
    faces: Float[np.ndarray, "N 468 3"], still: Face | None = None
) -> Float[np.ndarray, "N 504 3"]:
    """Faces, and the ring around one of them or around each."""
    oval = (faces if still is None else still[None])[:, dense.OVAL]
    centre = oval.mean(1, keepdims=True)
    ring = centre + _AROUND * (oval - centre)
    return np.concatenate([faces, np.broadcast_to(ring, (len(faces), *ring.shape[1:]))], 1)


def _window(points: np.ndarray, picture: Frame) -> tuple[tuple[int, int], tuple[int, int]]:
    """The corner (x, y) and the size (height, width) of the part of a picture that changes."""
    flat = points.reshape(-1, points.shape[-1])[:, :2]
    high = np.array([picture.shape[1], picture.shape[0]])
    low = np.clip(np.floor(flat.min(0)), 0, high - 1).astype(int)
    end = np.clip(np.ceil(flat.max(0)) + 1, low + 1, high).astype(int)
    return (int(low[0]), int(low[1])), (int(end[1] - low[1]), int(end[0] - low[0]))


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
