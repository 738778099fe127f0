"""A portrait's face at rest, lips closed, and what it becomes when it moves as another does."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.dense_labels import Face
from avfuse.data.portraits.motion import LOWER, UPPER, speech
from avfuse.geometry.face_model import face_model
from avfuse.geometry.procrustes import onto

_STRAIN = 0.003  # eyes' distances that closing the lips may miss for an expression of 1 less
_TOUCH = 0.004  # eyes' distances: lips no farther apart touch, for labels are no better


class Rest(NamedTuple):
    """A face, and the same with its lips closed.

    Attributes:
        points: in its picture.
        open: the face as it is there, in the face model's axes.
        shut: with its lips closed.
        turn: from those axes into the picture, but for the place.
    """

    points: Face
    open: Float[Tensor, "468 3"]
    shut: Float[Tensor, "468 3"]
    turn: Float[np.ndarray, "3 3"]

    def driven(self, moved: Float[Tensor, "468 3"]) -> Face:
        """The points in the picture, when the face has moved from rest.

        Lips meet and never cross. What does not move stays where it is, to the last bit.
        """
        away = _touching(self.shut + moved) - self.open
        return self.points + away.double().numpy() @ self.turn


def rest_of(points: Face) -> Rest:
    """Close the lips of a face by the smallest expression of the face model that does.

    So jaw and cheeks come along as they do with people.

    Args:
        points: in pixels of its picture.
    """
    place = onto(points[None], face_model().mean.double().numpy(), _still())
    shape = torch.from_numpy(place(points[None])[0]).float()
    closes = (speech()[:, LOWER] - speech()[:, UPPER])[..., 1]  # (L, 9)
    gap = (shape[LOWER] - shape[UPPER])[:, 1]
    within = closes.T @ closes + _STRAIN**2 * torch.eye(len(gap))
    expression = -closes @ torch.linalg.solve(within, gap)
    shut = _met(shape + torch.einsum("l,lpd->pd", expression, speech()))
    return Rest(points, shape, shut, np.linalg.inv(place.turn[0]))


def _still() -> Float[np.ndarray, "468"]:
    """Points that speech leaves where they are tell how a head lies."""
    return np.asarray(speech().abs().sum((0, 2)) == 0, np.float64)


def _touching(shape: Float[Tensor, "468 3"]) -> Float[Tensor, "468 3"]:
    """Lips nearer than labels can tell touch, and none lies beyond the other."""
    half = (shape[LOWER] - shape[UPPER])[:, 1].clamp(max=_TOUCH) / 2
    together = shape.clone()
    together[UPPER, 1] += half
    together[LOWER, 1] -= half
    return together


def _met(shape: Float[Tensor, "468 3"]) -> Float[Tensor, "468 3"]:
    """Lips that nearly touch do so at every point."""
    together = shape.clone()
    together[UPPER] = together[LOWER] = (shape[UPPER] + shape[LOWER]) / 2
    return together
