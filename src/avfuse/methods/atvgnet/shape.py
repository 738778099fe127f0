"""The shape of a face in a few numbers: landmarks, aligned, by their principal components."""

from typing import NamedTuple

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.geometry.pose import mean_shape

RIGID = slice(27, 48)
"""Nose and eyes, by which faces are aligned: speaking does not move them."""

_LEAST = 1e-9  # nothing that was fitted varies so little


class Alignment(NamedTuple):
    """A similarity of the plane, z -> turn·z + shift, with points as complex numbers x + iy.

    Attributes:
        turn: rotation and scale.
        shift: where 0 goes.
    """

    turn: Complex[Tensor, "..."]
    shift: Complex[Tensor, "..."]

    def apply(self, points: Float[Tensor, "... P 2"]) -> Float[Tensor, "... P 2"]:
        """Move points."""
        return _real(self.turn[..., None] * _complex(points) + self.shift[..., None])

    def undo(self, points: Float[Tensor, "... P 2"]) -> Float[Tensor, "... P 2"]:
        """Move points back."""
        return _real((_complex(points) - self.shift[..., None]) / self.turn[..., None])


def align(source: Float[Tensor, "... P 2"], target: Float[Tensor, "P 2"]) -> Alignment:
    """The least-squares similarity of points onto points."""
    z, w = _complex(source), _complex(target)
    centre, wanted = z.mean(-1), w.mean(-1)
    z, w = z - centre[..., None], w - wanted
    turn = (z.conj() * w).sum(-1) / z.abs().square().sum(-1)
    return Alignment(turn, wanted - turn * centre)


class LandmarkPCA(nn.Module):
    """The first principal components of aligned landmarks (eq. 4), fitted to the training data.

    Faces are laid onto the library's mean face by eyes and nose, so that a coefficient says nothing
    of where a head is; coordinates are then in distances between the eyes' outer corners.

    Args:
        components: K, how many (ATVGnet: 6).

    Attributes:
        unit: standard deviation of the first component, in which coefficients are given; 0 until
            `fit` was called.
    """

    template: Tensor
    mean: Tensor
    basis: Tensor
    unit: Tensor

    def __init__(self, components: int = 6) -> None:
        super().__init__()
        if not 1 <= components <= 136:
            raise ValueError(f"components={components}; expected 1 to 136")
        self.register_buffer("template", torch.tensor(mean_shape()[RIGID, :2], dtype=torch.float32))
        self.register_buffer("mean", torch.zeros(68, 2))
        self.register_buffer("basis", torch.zeros(components, 68, 2))
        self.register_buffer("unit", torch.zeros(()))

    @torch.no_grad()
    def fit(self, landmarks: Float[Tensor, "N 68 2"]) -> None:
        """Find mean and components.

        Args:
            landmarks: of training frames, in pixels of any crop.

        Raises:
            InputError: if there are too few frames to find so many components.
        """
        if len(landmarks) <= len(self.basis):
            raise InputError(
                f"{len(landmarks)} training frames with landmarks are too few for "
                f"{len(self.basis)} principal components; give more data or fewer components"
            )
        shapes = self.aligned(landmarks.to(self.mean))
        self.mean.copy_(shapes.mean(0))
        offsets = (shapes - self.mean).flatten(1).double()
        _, spread, basis = torch.linalg.svd(offsets, full_matrices=False)
        self.basis.copy_(basis[: len(self.basis)].unflatten(1, (68, 2)))
        self.unit.copy_(spread[0] / len(landmarks) ** 0.5)

    def alignment(self, landmarks: Float[Tensor, "... 68 2"]) -> Alignment:
        """From the pixels of a face's crop to the mean face."""
        return align(landmarks[..., RIGID, :], self.template)

    def aligned(self, landmarks: Float[Tensor, "... 68 2"]) -> Float[Tensor, "... 68 2"]:
        """Landmarks laid onto the mean face."""
        return self.alignment(landmarks).apply(landmarks)

    def coefficients(self, landmarks: Float[Tensor, "... 68 2"]) -> Float[Tensor, "... K"]:
        """h of landmarks in pixels of a crop, in `unit`s; 0 until `fit` was called."""
        offsets = (self.aligned(landmarks) - self.mean).flatten(-2)
        return offsets @ self.basis.flatten(1).mT / self.unit.clamp_min(_LEAST)

    def offsets(self, coefficients: Float[Tensor, "... K"]) -> Float[Tensor, "... 68 2"]:
        """h·Uᵀ of eq. 4: what coefficients, or a difference of them, move on the mean face."""
        moved = coefficients * self.unit @ self.basis.flatten(1)
        return moved.reshape(*moved.shape[:-1], 68, 2)


def _complex(points: Float[Tensor, "... P 2"]) -> Complex[Tensor, "... P"]:
    return torch.view_as_complex(points.contiguous())


def _real(points: Complex[Tensor, "... P"]) -> Float[Tensor, "... P 2"]:
    return torch.view_as_real(points)
