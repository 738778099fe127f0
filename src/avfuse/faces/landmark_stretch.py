"""Mouths opened and closed beyond what a clip holds, by stretching the picture around them."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from avfuse.data.pairs import Points
from avfuse.faces.crop import MOUTH


class MouthStretch(NamedTuple):
    """A smooth stretch along the face's own vertical that fades away from the mouth.

    Few speakers make few mouth shapes; this makes the lips' opening independent of who speaks.

    Attributes:
        centre: of the mouth, pixels.
        across: unit vector from its right corner to its left one, as the picture shows them.
        reach: how far it fades, pixels along and across.
        amount: pixels come from so much farther off the centre; negative opens the mouth.
    """

    centre: Float[np.ndarray, "2"]
    across: Float[np.ndarray, "2"]
    reach: tuple[float, float]
    amount: float

    @classmethod
    def random(cls, landmarks: Points, rng: np.random.Generator) -> "MouthStretch":
        """Draw a stretch of the mouth among 68 landmarks."""
        corners = landmarks[54] - landmarks[48]
        width = float(np.linalg.norm(corners)) + 1e-6
        reach = (width * rng.uniform(0.5, 0.9), width * rng.uniform(0.35, 0.6))
        return cls(landmarks[MOUTH].mean(0), corners / width, reach, float(rng.uniform(-0.5, 0.5)))

    def displacement(self, places: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
        """How far from a place the pixel that is shown there comes from."""
        offset = places - self.centre
        along = offset @ self.across
        down = np.array([-self.across[1], self.across[0]])
        below = offset @ down
        fade = np.exp(-0.5 * ((along / self.reach[0]) ** 2 + (below / self.reach[1]) ** 2))
        moved: Float[np.ndarray, "*n 2"] = (self.amount * fade * below)[..., None] * down
        return moved

    def grid(self, grid: Float[np.ndarray, "size size 2"]) -> Float[np.ndarray, "size size 2"]:
        """The map of where pixels come from, with the stretch on top."""
        axis = np.arange(len(grid), dtype=np.float64)
        places = np.stack(np.meshgrid(axis, axis), -1)
        columns, rows = np.moveaxis((places + self.displacement(places)).astype(np.float32), -1, 0)
        return np.asarray(
            cv2.remap(
                grid.astype(np.float32),
                columns,
                rows,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    def points(self, points: Points) -> Points:
        """Where points go, found by fixed point."""
        moved = points
        for _ in range(8):
            moved = points - self.displacement(moved)
        return moved
