"""Cameras that see a face in each of T frames: far away (weak perspective), or through a pinhole.

x = R X turns the face model's axes into the camera's, which are alike: x right, y down, z away;
pixels have their centres at whole numbers. Either camera's pose is six numbers a frame.
"""

from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


class Slopes(NamedTuple):
    """How what is seen of each point follows, in pixels.

    Attributes:
        shape: the point's own place in the model's space.
        pose: the six numbers of a small `moved`.
    """

    shape: Float[Tensor, "T P 2 3"]
    pose: Float[Tensor, "T P 2 6"]


C = TypeVar("C", bound="Camera")


@runtime_checkable
class Camera(Protocol):
    """What a fit asks of either camera."""

    def project(self, shapes: Float[Tensor, "T P 3"]) -> Float[Tensor, "T P 2"]:
        """From the model's space to pixels."""

    def slopes(self, shapes: Float[Tensor, "T P 3"]) -> Slopes:
        """The derivatives of `project`."""

    def moved(self: C, step: Float[Tensor, "T 6"]) -> C:
        """The camera after a small change of its pose."""

    def at(self: C, frames: slice) -> C:
        """The camera of some of the frames."""

    @property
    def unit(self) -> Float[Tensor, "T"]:
        """How many pixels a unit at the face's origin spans."""


class WeakPerspective(NamedTuple):
    """A camera so far away that depth does not change size: scale · (R X)xy + translation.

    Attributes:
        rotation: R, proper.
        translation: where the face's origin lies, in pixels.
        scale: pixels of one unit.
    """

    rotation: Float[Tensor, "T 3 3"]
    translation: Float[Tensor, "T 2"]
    scale: Float[Tensor, "T"]

    @property
    def unit(self) -> Float[Tensor, "T"]:
        """How many pixels a unit spans."""
        return self.scale

    @property
    def numbers(self) -> Float[Tensor, "T 6"]:
        """The pose as six numbers: rotation vector (radians), translation and scale (pixels)."""
        return torch.cat([rotation_vector(self.rotation), self.translation, self.scale[:, None]], 1)

    @classmethod
    def of(cls, numbers: Float[Tensor, "T 6"]) -> "WeakPerspective":
        """The camera of six numbers, as `numbers` gives them."""
        return cls(rotation_matrix(numbers[:, :3]), numbers[:, 3:5], numbers[:, 5])

    def project(self, shapes: Float[Tensor, "T P 3"]) -> Float[Tensor, "T P 2"]:
        """From the model's space to pixels."""
        return self.placed(shapes)[..., :2]

    def placed(self, shapes: Float[Tensor, "T P 3"]) -> Float[Tensor, "T P 3"]:
        """The same with a depth in pixels, as a rasteriser asks for it; 0 at the face's origin."""
        turned = self.scale[:, None, None] * shapes @ self.rotation.mT
        return turned + F.pad(self.translation, (0, 1))[:, None]

    def slopes(self, shapes: Float[Tensor, "T P 3"]) -> Slopes:
        """The derivatives of `project`; the last of the six is the scale's logarithm."""
        turned = self.scale[:, None, None] * shapes @ self.rotation.mT
        flat = self.scale[:, None, None] * self.rotation[:, :2]
        pose = torch.cat(
            [
                _turning(turned)[..., :2, :],
                torch.eye(2).to(turned).expand(*turned.shape[:2], 2, 2),
                turned[..., :2, None],
            ],
            3,
        )
        return Slopes(flat[:, None].expand(-1, shapes.shape[1], -1, -1), pose)

    def moved(self, step: Float[Tensor, "T 6"]) -> "WeakPerspective":
        """After a turn about its own axes, a shift in pixels, and a factor's logarithm."""
        rotation = rotation_matrix(step[:, :3]) @ self.rotation
        return WeakPerspective(
            rotation, self.translation + step[:, 3:5], self.scale * step[:, 5].exp()
        )

    def at(self, frames: slice) -> "WeakPerspective":
        """The camera of some of the frames."""
        return WeakPerspective(*(part[frames] for part in self))


class Pinhole(NamedTuple):
    """A camera of some focal length: focal · Yxy / Yz + centre, where Y = R X + translation.

    Attributes:
        rotation: R, proper.
        translation: where the face's origin lies before the camera, in the face's unit.
        focal: focal length in pixels, the same in all frames.
        centre: where its axis meets the picture, in pixels.
    """

    rotation: Float[Tensor, "T 3 3"]
    translation: Float[Tensor, "T 3"]
    focal: float
    centre: Float[Tensor, "2"]

    @classmethod
    def like(cls, far: WeakPerspective, focal: float, centre: Float[Tensor, "2"]) -> "Pinhole":
        """One of a focal length that sees a face's origin where another does, and as large."""
        across = (far.translation - centre) / far.scale[:, None]
        away = focal / far.scale[:, None]
        return cls(far.rotation, torch.cat([across, away], 1), focal, centre)

    @property
    def unit(self) -> Float[Tensor, "T"]:
        """How many pixels a unit at the face's origin spans."""
        return self.focal / self.translation[:, 2]

    def project(self, shapes: Float[Tensor, "T P 3"]) -> Float[Tensor, "T P 2"]:
        """From the model's space to pixels."""
        return self.placed(shapes)[..., :2]

    def placed(self, shapes: Float[Tensor, "T P 3"]) -> Float[Tensor, "T P 3"]:
        """The same with the depth before the camera, in the face's unit."""
        x, y, z = (shapes @ self.rotation.mT + self.translation[:, None]).unbind(-1)
        across, down = self.centre
        return torch.stack([self.focal * x / z + across, self.focal * y / z + down, z], -1)

    def slopes(self, shapes: Float[Tensor, "T P 3"]) -> Slopes:
        """The derivatives of `project`."""
        turned = shapes @ self.rotation.mT
        x, y, z = (turned + self.translation[:, None]).unbind(-1)
        zero, one = torch.zeros_like(z), torch.ones_like(z)
        rows = [torch.stack([one, zero, -x / z], -1), torch.stack([zero, one, -y / z], -1)]
        seen = (self.focal / z)[..., None, None] * torch.stack(rows, -2)
        return Slopes(seen @ self.rotation[:, None], torch.cat([seen @ _turning(turned), seen], 3))

    def moved(self, step: Float[Tensor, "T 6"]) -> "Pinhole":
        """After a turn about the face's origin and a shift."""
        rotation = rotation_matrix(step[:, :3]) @ self.rotation
        return self._replace(rotation=rotation, translation=self.translation + step[:, 3:])

    def at(self, frames: slice) -> "Pinhole":
        """The camera of some of the frames."""
        return self._replace(rotation=self.rotation[frames], translation=self.translation[frames])


def rotation_matrix(vectors: Float[Tensor, "T 3"]) -> Float[Tensor, "T 3 3"]:
    """Rotations about vectors by their length in radians (Rodrigues)."""
    return torch.linalg.matrix_exp(_turning(vectors).mT)


def rotation_vector(rotations: Float[Tensor, "T 3 3"]) -> Float[Tensor, "T 3"]:
    """The axes of rotations by less than half a turn, as long as the angle in radians."""
    twist = rotations - rotations.mT
    axes = torch.stack([twist[:, 2, 1], twist[:, 0, 2], twist[:, 1, 0]], 1) / 2
    sine = axes.norm(dim=1)
    cosine = (rotations.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    small = sine < 1e-7  # where the angle is its sine
    ratio = torch.atan2(sine, cosine) / sine.where(~small, 1.0)
    return axes * ratio.where(~small, 1.0)[:, None]


def _turning(points: Float[Tensor, "*P 3"]) -> Float[Tensor, "*P 3 3"]:
    """What a small turn w adds to points, as a matrix: w × p."""
    x, y, z = points.unbind(-1)
    zero = torch.zeros_like(x)
    rows = ([zero, z, -y], [-z, zero, x], [y, -x, zero])
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
