"""The 3-D-aware module (section 4.1): a textured mesh of one frame, turned to any other pose.

The paper's unprojection network makes a mesh of the frame with the least rotation. Here the fitted
face model is that mesh: 468 points, from the frame's own identity and expression.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.camera import WeakPerspective
from avfuse.geometry.face_model import face_model
from avfuse.geometry.rasteriser import rasterise, textured
from avfuse.methods.rhythmic_head_motion.head import (
    EXPRESSIONS,
    IDENTITIES,
    Disentangled,
    camera_of,
)


class Mesh(NamedTuple):
    """M of a frame t_M.

    Attributes:
        vertices: V, as they are seen in that frame: x, y and depth in pixels.
        pose: h of that frame.
        texture: the frame itself, RGB in [0, 1].
    """

    vertices: Float[Tensor, "P 3"]
    pose: Float[Tensor, "6"]
    texture: Float[Tensor, "3 H W"]


class Projected(NamedTuple):
    """ỹ: the mesh in other poses, black around it, and where its landmarks are then."""

    images: Float[Tensor, "T 3 H W"]
    points: Float[Tensor, "T 68 2"]


def least_rotated(poses: Float[Tensor, "T 6"]) -> int:
    """t_M: the frame that shows most of the face, by the angle of its rotation."""
    return int(poses[:, :3].norm(dim=1).argmin())


def unprojected(image: Float[Tensor, "3 H W"], found: Disentangled, frame: int) -> Mesh:
    """The mesh of a frame.

    Args:
        image: what it shows.
        found: in the frames of its clip.
        frame: which of them it is.
    """
    model = face_model().first(IDENTITIES, EXPRESSIONS).to(image.device)
    shape = model.shape(found.identity, found.expression[frame])
    camera = camera_of(found.poses[frame : frame + 1], image.shape[-1])
    return Mesh(camera.placed(shape[None])[0], found.poses[frame], image)


def carried(
    vertices: Float[Tensor, "P 3"], seen: WeakPerspective, wanted: WeakPerspective
) -> Float[Tensor, "T P 3"]:
    """Eq. 1: V_t = R_t⁻¹ (R_tM V_tM + T_tM - T_t), out of one pose and into others.

    The paper's R and T lead from what is seen to the canonical face, a camera the other way.

    Args:
        vertices: as one frame sees them.
        seen: the camera of that frame.
        wanted: those of the frames to be.
    """
    centre = torch.cat([seen.translation[0], vertices.new_zeros(1)])
    canonical = (vertices - centre) @ seen.rotation[0] / seen.scale[0]
    return wanted.placed(canonical.expand(len(wanted.scale), -1, -1))


def projected(mesh: Mesh, poses: Float[Tensor, "T 6"]) -> Projected:
    """The mesh as it is seen in other poses."""
    size, model = mesh.texture.shape[-1], face_model()
    triangles = model.triangles.to(poses.device)
    seen = carried(mesh.vertices, camera_of(mesh.pose[None], size), camera_of(poses, size))
    places, texture = mesh.vertices[:, :2], mesh.texture
    images = textured(
        rasterise(seen, triangles, size, size),
        triangles,
        places.expand(len(poses), -1, -1),
        texture.expand(len(poses), -1, -1, -1),
    )
    return Projected(images, seen[:, model.landmarks.to(poses.device), :2])
