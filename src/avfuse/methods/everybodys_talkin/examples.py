"""What Everybody's Talkin' learns from: clips, and the 3-D face that is fitted to each."""

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
        video: what they show, RGB in [0, 1].
        heard: their mel windows.
        landmarks: in pixels.
        fit: identity, expression and pose of every frame.
    """

    video: Float[Tensor, "B T 3 H W"]
    heard: Float[Tensor, "B T M S"]
    landmarks: Float[Tensor, "B T 68 2"]
    fit: Fit


def first_examples(batch: Batch, face: Face) -> Examples:
    """V1 of each pair: frames as they were filmed."""
    return examples(batch.video1, batch.mel1, batch.landmarks1, face)


def all_examples(batch: Batch, face: Face) -> Examples:
    """V1 and V2: for who learns from sound and landmarks, the lips of both are real."""
    return examples(
        torch.cat([batch.video1, batch.video2]),
        torch.cat([batch.mel1, batch.mel2]),
        torch.cat([batch.landmarks1, batch.landmarks2]),
        face,
    )


def examples(
    video: Float[Tensor, "B T 3 H W"],
    heard: Float[Tensor, "B T M S"],
    landmarks: Float[Tensor, "B T 68 2"],
    face: Face,
) -> Examples:
    """Fit the face to every clip: one identity each."""
    return Examples(video, heard, landmarks, fitted(landmarks, face))


@torch.no_grad()
def fitted(landmarks: Float[Tensor, "B T 68 2"], face: Face) -> Fit:
    """The fits of clips, one after the other."""
    fits = [face.fit(clip) for clip in landmarks]
    frames = landmarks.shape[1]
    cameras = (torch.cat(parts) for parts in zip(*(fit.camera for fit in fits), strict=True))
    return Fit(
        torch.cat([fit.identity.expand(frames, -1) for fit in fits]),
        torch.cat([fit.expression for fit in fits]),
        WeakPerspective(*cameras),
    )
