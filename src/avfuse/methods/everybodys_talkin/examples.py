"""What sound and landmarks of clips are to Everybody's Talkin', the fitted 3-D face with them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.camera import WeakPerspective
from avfuse.methods.everybodys_talkin.face import Face, Fit
from avfuse.types import Batch


class Examples(NamedTuple):
    """Clips; the fitted face's time is folded, N = B·T.

    Attributes:
        heard: their mel windows.
        landmarks: in pixels.
        fit: identity, expression and pose of every frame.
    """

    heard: Float[Tensor, "B T M S"]
    landmarks: Float[Tensor, "B T 68 2"]
    fit: Fit


def first_examples(batch: Batch, face: Face) -> Examples:
    """V1 of each pair: as it was filmed."""
    return _examples(batch.mel1, batch.landmarks1, face)


def all_examples(batch: Batch, face: Face) -> Examples:
    """V1 and V2: the lips of both were spoken by somebody."""
    heard = torch.cat([batch.mel1, batch.mel2])
    return _examples(heard, torch.cat([batch.landmarks1, batch.landmarks2]), face)


def joined(fits: Sequence[Fit]) -> Fit:
    """The fits of clips, one after the other; each has its frames' identity a frame."""
    identities, expressions, cameras = zip(*fits, strict=True)
    parts = (torch.cat(part) for part in zip(*cameras, strict=True))
    return Fit(torch.cat(identities), torch.cat(expressions), WeakPerspective(*parts))


@torch.no_grad()
def _examples(
    heard: Float[Tensor, "B T M S"], landmarks: Float[Tensor, "B T 68 2"], face: Face
) -> Examples:
    """Fit the face to every clip: one identity each."""
    frames = landmarks.shape[1]
    fits = [face.fit(clip) for clip in landmarks]
    each = [fit._replace(identity=fit.identity.expand(frames, -1)) for fit in fits]
    return Examples(heard, landmarks, joined(each))
