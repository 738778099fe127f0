"""The motion disentangler (section 3.3, Fig. 3a): a head's pose taken out of its landmarks.

The paper lays 3-D landmarks onto canonical ones, p = R l + T. Here the landmarks are 2-D, and the
library's face model stands for the canonical ones: fitted under weak perspective, it has the pose
in the camera, six numbers, and what is left in its coefficients.

A pose is a rotation vector (radians), the place of the face's origin between the eyes in sides of
the picture from its middle (x, y), and the natural logarithm of the distance of the outer eye
corners in those sides, which stands for the distance from the camera.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.camera import WeakPerspective, rotation_matrix, rotation_vector
from avfuse.geometry.face_model import face_model
from avfuse.geometry.fit import fit_face

IDENTITIES, EXPRESSIONS = 60, 30
"""Components of the face model: what people differ by, and what moments do."""


class Disentangled(NamedTuple):
    """What landmarks of a clip say, apart from each other.

    Attributes:
        identity: whose face it is.
        expression: PCA components of each frame.
        poses: h of each frame.
    """

    identity: Float[Tensor, "I"]
    expression: Float[Tensor, "T L"]
    poses: Float[Tensor, "T 6"]


def disentangled(points: Float[Tensor, "T 68 2"], size: int) -> Disentangled:
    """Take identity, expression and motion apart.

    Args:
        points: landmarks in pixels of the picture; finite.
        size: pixels a side of it.
    """
    found = fit_face(points.cpu(), face_model().first(IDENTITIES, EXPRESSIONS))
    numbers = (found.identity, found.expression, pose_numbers(found.camera, size))
    return Disentangled(*(part.float().to(points.device) for part in numbers))


def pose_numbers(camera: WeakPerspective, size: int) -> Float[Tensor, "T 6"]:
    """The poses that a camera sees in a picture of so many pixels a side."""
    place = (camera.translation + 0.5) / size - 0.5
    near = (camera.scale / size).log()
    return torch.cat([rotation_vector(camera.rotation), place, near[:, None]], 1)


def camera_of(poses: Float[Tensor, "T 6"], size: int) -> WeakPerspective:
    """The way back: what sees heads in these poses."""
    turn, place, near = poses[:, :3], poses[:, 3:5], poses[:, 5]
    centre = (place + 0.5) * size - 0.5
    return WeakPerspective(rotation_matrix(turn), centre, size * near.exp())


def landmarks_of(
    identity: Float[Tensor, "*#T I"],
    expression: Float[Tensor, "T L"],
    poses: Float[Tensor, "T 6"],
    size: int,
) -> Float[Tensor, "T 68 2"]:
    """Put them together again: landmarks l in pixels."""
    return camera_of(poses, size).project(canonical(identity, expression))


def canonical(
    identity: Float[Tensor, "*#T I"], expression: Float[Tensor, "*#T L"]
) -> Float[Tensor, "*T 68 3"]:
    """The landmarks without their motion, in distances of the outer eye corners: p."""
    model = face_model().first(IDENTITIES, EXPRESSIONS)
    return model.at(model.landmarks).to(identity.device).shape(identity, expression)
