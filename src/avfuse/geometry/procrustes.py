"""Shapes laid onto a shape: what is left when place, turn and size are taken out."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Similarity(NamedTuple):
    """Rotation, scale and shift of points in space, one each of T shapes: points @ turn + shift."""

    turn: Float[np.ndarray, "T 3 3"]
    shift: Float[np.ndarray, "T 3"]

    def __call__(self, shapes: Float[np.ndarray, "T P 3"]) -> Float[np.ndarray, "T P 3"]:
        return shapes @ self.turn + self.shift[:, None]


def onto(
    shapes: Float[np.ndarray, "T P 3"],
    target: Float[np.ndarray, "*#T P 3"],
    weights: Float[np.ndarray, "P"] | None = None,
) -> Similarity:
    """The least-squares similarity of each shape onto the target (Umeyama 1991); never a mirror.

    Args:
        shapes: of any size, anywhere.
        target: one for all of them, or one each.
        weights: how much each point counts; all alike unless given.
    """
    shares = np.full(shapes.shape[1], 1 / shapes.shape[1])
    if weights is not None:
        shares = weights / weights.sum()
    start, end = shares @ shapes, shares @ target
    offsets, wanted = shapes - start[:, None], target - end[..., None, :]
    weighted = shares[:, None] * offsets
    u, stretch, v = np.linalg.svd(np.swapaxes(weighted, 1, 2) @ wanted)
    mirror = np.ones_like(stretch)
    mirror[:, 2] = np.sign(np.linalg.det(u @ v))
    scale = (stretch * mirror).sum(1) / (weighted * offsets).sum((1, 2))
    turn = scale[:, None, None] * (u * mirror[:, None]) @ v
    return Similarity(turn, end - (start[:, None] @ turn)[:, 0])


def aligned(
    shapes: Float[np.ndarray, "T P 3"],
    target: Float[np.ndarray, "*#T P 3"],
    weights: Float[np.ndarray, "P"] | None = None,
) -> Float[np.ndarray, "T P 3"]:
    """Each shape laid onto the target; see `onto`."""
    return onto(shapes, target, weights)(shapes)


def symmetric(
    shape: Float[np.ndarray, "P 3"], mirrored: Int[np.ndarray, "P"]
) -> Float[np.ndarray, "P 3"]:
    """The mean of a shape and its mirror image.

    Args:
        shape: whose middle is at x = 0.
        mirrored: which point takes a point's place when left and right change places.
    """
    return (shape + (shape * [-1, 1, 1])[mirrored]) / 2
