"""How far eyes are open, by the landmarks of the lids."""

from jaxtyping import Float
from torch import Tensor

CLOSED = 0.5
"""Lids nearer than this share of their usual distance count as closed."""

_RIGHT, _LEFT = slice(36, 42), slice(42, 48)


def eye_openness(landmarks: Float[Tensor, "T 68 2"]) -> Float[Tensor, "T"]:
    """Eye aspect ratio, the mean of both eyes (Soukupova and Cech 2016, eq. 1).

    The lids' distance over the eye's width: about 0.3 open, under 0.1 shut; NaN without a face.
    """
    return (_aspect(landmarks[:, _RIGHT]) + _aspect(landmarks[:, _LEFT])) / 2


def _aspect(eye: Float[Tensor, "T 6 2"]) -> Float[Tensor, "T"]:
    outer, upper1, upper2, inner, lower2, lower1 = eye.unbind(1)
    height = (upper1 - lower1).norm(dim=-1) + (upper2 - lower2).norm(dim=-1)
    return height / (2 * (outer - inner).norm(dim=-1))
