"""Samples for the network of dense points: faces as a tracker shows them, roughly handled."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.experts.dense.sources import KEPT, ROOM, Faces
from avfuse.experts.landmarks.wear import worn
from avfuse.faces.dense import SIZE
from avfuse.geometry.affine import sample, transform
from avfuse.geometry.dense import mirrored


class Meshes(NamedTuple):
    """A batch.

    Attributes:
        images: in [0, 1] as the network sees them.
        points: in pixels of the image, depth in the same unit.
    """

    images: Float[Tensor, "*N 3 112 112"]
    points: Float[Tensor, "*N 468 3"]


class Handling(NamedTuple):
    """How a face is seen otherwise than its label would have it.

    Attributes:
        turn: degrees, anticlockwise in the picture.
        scale: of the face.
        shift: of the face, in sides (x, y).
        mirror: whether left and right change places.
        warp: smooth displacement in sides, on a coarse grid: other shapes of faces. Depth stays.
    """

    turn: float
    scale: float
    shift: tuple[float, float]
    mirror: bool = False
    warp: Float[np.ndarray, "4 4 2"] | None = None

    @classmethod
    def rough(cls, rng: np.random.Generator) -> "Handling":
        """Beyond the errors of a tracker's landmarks, for training."""
        warp = rng.normal(0, rng.uniform(0, 0.03), (4, 4, 2)).astype(np.float32)
        return cls.gentle(rng, 2.0)._replace(
            mirror=bool(rng.random() < 0.5), warp=warp if rng.random() < 0.7 else None
        )

    @classmethod
    def gentle(cls, rng: np.random.Generator, strength: float = 1.0) -> "Handling":
        """As a tracker's landmarks err."""
        return cls(
            turn=float(rng.normal(0, 3) * strength),
            scale=float(np.exp(rng.normal(0, 0.03) * strength)),
            shift=tuple(rng.normal(0, 0.0125, 2) * strength),
        )

    def matrix(self) -> Float[np.ndarray, "2 3"]:
        """From pixels of a face that is kept to pixels of the sample, before the warp."""
        middle, scale = (KEPT - 1) / 2, self.scale * ROOM * SIZE / KEPT
        matrix = cv2.getRotationMatrix2D((middle, middle), self.turn, scale)
        if self.mirror:
            matrix[0] = np.array([0, 0, 2 * middle]) - matrix[0]
        moved = np.array(self.shift) * SIZE + (SIZE - KEPT) / 2
        return np.column_stack([matrix[:, :2], matrix[:, 2] + moved]).astype(np.float32)

    def see(
        self, image: UInt8[np.ndarray, "176 176 3"], points: Float[np.ndarray, "468 3"]
    ) -> tuple[UInt8[np.ndarray, "112 112 3"], Float[np.ndarray, "468 3"]]:
        """The face and its points as handled."""
        matrix, field = self.matrix(), self._displacement()
        axis = np.arange(SIZE, dtype=np.float32)
        seen = sample(image, matrix, np.stack(np.meshgrid(axis, axis), -1) + field)
        points = points[mirrored()] if self.mirror else points
        places = unwarped(transform(points[:, :2], matrix), field)
        depth = points[:, 2] * np.hypot(*matrix[:, 0])
        return seen, np.column_stack([places, depth]).astype(np.float32)

    def _displacement(self) -> Float[np.ndarray, "112 112 2"]:
        if self.warp is None:
            return np.zeros((SIZE, SIZE, 2), np.float32)
        return cv2.resize(self.warp, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * SIZE


def unwarped(
    points: Float[np.ndarray, "P 2"], field: Float[np.ndarray, "S S 2"]
) -> Float[np.ndarray, "P 2"]:
    """Where points come to lie, of a field that says where pixels come from; by fixed point."""
    warped = points
    for _ in range(3):
        columns, rows = warped.T.reshape(2, -1, 1).astype(np.float32)
        offset = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        warped = points - offset[:, 0]
    return warped


class DenseSamples(Dataset[Meshes]):
    """Faces that are kept, each seen otherwise.

    Args:
        faces: where they come from.
        weights: how often each source is drawn from, relative.
        length: samples an epoch; item i differs for every i, also beyond.
        rough: handled and worn as training needs it, rather than as trackers err.
        seed: of everything random.
    """

    def __init__(
        self,
        faces: Sequence[Faces],
        weights: Sequence[float],
        *,
        length: int,
        rough: bool,
        seed: int,
    ) -> None:
        self.faces, self.length, self.rough, self.seed = faces, length, rough, seed
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Meshes:
        rng = np.random.default_rng((self.seed, index))
        faces = self.faces[rng.choice(len(self.faces), p=self.shares)]
        number = int(rng.integers(len(faces.images)))
        handling = Handling.rough(rng) if self.rough else Handling.gentle(rng)
        image, points = handling.see(faces.images[number], faces.points[number])
        if self.rough:
            image = worn(image, rng)
        tensor = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        return Meshes(tensor, torch.from_numpy(points))
