"""The 3-D face (section 3.1): whose it is, how the head lies, and where its landmarks are seen."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.geometry.camera import WeakPerspective
from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.fit import fit_face

MOUTH_AND_JAW = [*range(3, 14), *range(48, 68)]
"""The landmarks that sound moves: the jaw around the chin, and the lips."""


class Fit(NamedTuple):
    """What was found in frames.

    Attributes:
        identity: a_k of the person, once or for each frame.
        expression: e of each frame.
        camera: the six numbers of each frame's pose.
    """

    identity: Float[Tensor, "*N K"]
    expression: Float[Tensor, "T L"]
    camera: WeakPerspective


class Face(nn.Module):
    """A linear model of faces at the 68 landmarks, kept with the method's weights.

    The library's own [`face_model`][avfuse.geometry.face_model.face_model] unless another is
    taken; components beyond those that a model has are 0.

    Args:
        identities: K, components of identity.
        expressions: L, components of expression.

    Attributes:
        mean: the mean face at rest.
        identity: what a coefficient of 1, a standard deviation over people, adds.
        expression: likewise, over moments.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor

    def __init__(self, identities: int, expressions: int) -> None:
        super().__init__()
        if identities < 0 or expressions < 1:
            raise ValueError(
                f"identities={identities}, expressions={expressions}; expected at least 0 and 1"
            )
        self.register_buffer("mean", torch.zeros(68, 3))
        self.register_buffer("identity", torch.zeros(identities, 68, 3))
        self.register_buffer("expression", torch.zeros(expressions, 68, 3))
        self.take_model(face_model())

    def take_model(self, model: FaceModel) -> None:
        """Take another model, such as [`read_face_model`][avfuse.geometry.face_model] reads."""
        at = model.first(len(self.identity), len(self.expression)).at(model.landmarks)
        self.mean.copy_(at.mean)
        for own, theirs in ((self.identity, at.identity), (self.expression, at.expression)):
            own.copy_(F.pad(theirs, (0, 0, 0, 0, 0, len(own) - len(theirs))))

    @property
    def _model(self) -> FaceModel:
        mean, identity, expression = (
            part.detach().cpu().float() for part in (self.mean, self.identity, self.expression)
        )
        nowhere = torch.zeros(0, 3, dtype=torch.long)
        return FaceModel(mean, identity, expression, nowhere, torch.arange(68))

    def identify(self, seen: Float[Tensor, "T 68 2"]) -> Float[Tensor, "K"]:
        """Whose face a few frames show, by their landmarks in pixels."""
        return fit_face(seen.cpu(), self._model).identity.to(self.mean)

    def fit(self, seen: Float[Tensor, "T 68 2"], identity: Float[Tensor, "K"] | None = None) -> Fit:
        """Fit frames by their landmarks.

        Args:
            seen: in pixels.
            identity: whose face they show, each frame then being fitted by itself; None finds that
                out of all of them.
        """
        model = self._model
        with _exact(seen.cpu()):
            if identity is not None:
                who = torch.einsum("k,kpd->pd", identity.cpu(), model.identity)
                model = model._replace(mean=model.mean + who, identity=model.identity[:0])
            found = fit_face(seen.cpu(), model)
        return Fit(
            found.identity.to(self.mean) if identity is None else identity,
            found.expression.to(self.mean),
            WeakPerspective(*(part.to(self.mean) for part in found.camera)),
        )

    def project(
        self,
        identity: Float[Tensor, "*N K"],
        expression: Float[Tensor, "N L"],
        camera: WeakPerspective,
    ) -> Float[Tensor, "N 68 2"]:
        """Where the landmarks of a person with these expressions are seen; linear in them."""
        with _exact(self.mean):
            who = torch.einsum("...k,kpd->...pd", identity, self.identity)
            moment = torch.einsum("nl,lpd->npd", expression.to(self.mean), self.expression)
            return camera.project(self.mean + who + moment)


def _exact(like: Tensor) -> torch.autocast:
    """Out of mixed precision: bfloat16 has steps of half a pixel where landmarks lie."""
    return torch.autocast(like.device.type, enabled=False)
