"""How a filmed face moves its mouth, as something that any other face can do too.

The clip's own head motion is what the fit of the face model calls pose, and its person what that
calls identity: what is left of each frame is an expression, counted from the clip's rest.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.geometry import dense
from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.fit import fit_face

UPPER, LOWER = dense.INNER_LIPS[1:10], dense.INNER_LIPS[:10:-1].copy()
"""Points of the inner lips that lie opposite each other."""

_REST = 0.2  # of the frames, those with the lips nearest each other, are taken for rest
_STILL, _FREE = 0.45, 0.70  # y in the model: from the nose's tip to above the lips, ever less held


class Motion(NamedTuple):
    """The mouth's motion of T frames; NaN where no face was found.

    Attributes:
        expression: away from rest, coefficients of the library's face model.
        inner: the inner lips' ring (`dense.INNER_LIPS`), in pixels of the clip.
        resting: numbers of the frames that are taken for rest.
    """

    expression: Float[Tensor, "T L"]
    inner: Float[Tensor, "T 20 2"]
    resting: Int[Tensor, "R"]

    def moved(self, number: int) -> Float[Tensor, "468 3"]:
        """What a frame adds to a face at rest, in the model's axes; nothing above the nose."""
        return torch.einsum("l,lpd->pd", self.expression[number], speech())

    def still(self, frames: int) -> "Motion":
        """As many frames of rest."""
        nothing = torch.zeros(frames, self.expression.shape[1])
        inner = self.inner[self.resting[:1]].repeat(frames, 1, 1)
        return Motion(nothing, inner, torch.arange(frames))


def motion_of(landmarks: Float[np.ndarray, "T 68 2"]) -> Motion:
    """The motion of a clip.

    Args:
        landmarks: in pixels; NaN where no face was found, but not everywhere.
    """
    seen = ~np.isnan(landmarks).any((1, 2))
    found = fit_face(torch.from_numpy(landmarks[seen]), face_model())
    shapes = face_model().to(torch.float64).shape(found.identity, found.expression)
    apart = (shapes[:, LOWER] - shapes[:, UPPER])[..., 1].mean(1)
    rest = apart.argsort()[: max(1, round(_REST * len(apart)))]
    expression = torch.full((len(landmarks), found.expression.shape[1]), torch.nan)
    expression[seen] = (found.expression - found.expression[rest].mean(0)).float()
    inner = torch.full((len(landmarks), len(dense.INNER_LIPS), 2), torch.nan)
    inner[seen] = found.camera.project(shapes)[:, dense.INNER_LIPS].float()
    return Motion(expression, inner, torch.from_numpy(seen).nonzero()[rest, 0])


@functools.cache
def speech() -> Float[Tensor, "L 468 3"]:
    """The face model's expressions, as far as the mouth goes: eyes, brows and nose held still."""
    model: FaceModel = face_model()
    free = ((model.mean[:, 1] - _STILL) / (_FREE - _STILL)).clamp(0, 1)
    return model.expression * (free**2 * (3 - 2 * free))[:, None]
