"""Where the head's points land in the frame, and which point of the head a pixel shows."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from avfuse.data.synthetic.paint import Grid, Plane

_PIVOT = 0.45  # depth of the axes that the head turns about, units
_KNOT = 4  # pixels between the points that a turn is solved at; linear between
_ROUNDS = 7  # of the fixed point; each takes the error below 0.45 of what it was


class Pose(NamedTuple):
    """Of one frame.

    Attributes:
        shift: of the head's centre from the frame's, in frame widths.
        scale: 1 for a face half as wide as the frame.
        roll: clockwise, radians.
        yaw: to the image's right, radians.
        pitch: downwards, radians.
    """

    shift: tuple[float, float]
    scale: float
    roll: float
    yaw: float
    pitch: float

    def to_frame(self, size: int) -> Float[np.ndarray, "2 3"]:
        """The affine map from units about the head's centre to pixels of the frame."""
        factor = size / 4 * self.scale
        cos, sin = factor * np.cos(self.roll), factor * np.sin(self.roll)
        middle = (size - 1) / 2
        x, y = (middle + size * shift for shift in self.shift)
        return np.array([[cos, -sin, x], [sin, cos, y]])


class Turn:
    """A head's relief turned by a pose and seen from far in front."""

    def __init__(self, relief: Plane, grid: Grid, pose: Pose) -> None:
        """The relief lies on the canvas `grid`."""
        self._relief, self._grid, self._pose = relief, grid, pose

    def project(self, points: Float[np.ndarray, "P 2"], size: int) -> Float[np.ndarray, "P 2"]:
        """From units of the canvas to pixels of a frame of size x size pixels."""
        pose = self._pose
        x, y = self._grid.to_pixels(points).astype(np.float32).T
        near = self._near(x[None], y[None])[0] - _PIVOT
        turned = (points - [0, Grid.CENTRE_V]) * [np.cos(pose.yaw), np.cos(pose.pitch)]
        turned += near[:, None] * [np.sin(pose.yaw), np.sin(pose.pitch)]
        affine = pose.to_frame(size)
        return np.asarray(turned @ affine[:, :2].T + affine[:, 2])

    def sources(self, size: int) -> tuple[Plane, Plane]:
        """For each pixel of the frame, x and y of the canvas pixel that it shows."""
        x, y = self._flat_sources(size)
        yaw, pitch = self._pose.yaw, self._pose.pitch
        lean_x = np.float32(np.tan(yaw) * self._grid.per_unit)
        lean_y = np.float32(np.tan(pitch) * self._grid.per_unit)
        near = np.full_like(x, _PIVOT)
        for _ in range(_ROUNDS):
            near = self._near(x - lean_x * (near - _PIVOT), y - lean_y * (near - _PIVOT))
        x, y = x - lean_x * (near - _PIVOT), y - lean_y * (near - _PIVOT)
        return np.asarray(cv2.resize(x, (size, size))), np.asarray(cv2.resize(y, (size, size)))

    def _flat_sources(self, size: int) -> tuple[Plane, Plane]:
        """The same at the knots, were the head flat."""
        knots = -(-size // _KNOT)
        places = (np.arange(knots) + 0.5) * size / knots - 0.5
        affine = self._pose.to_frame(size)
        inverse = np.linalg.inv(affine[:, :2]) * self._grid.per_unit
        inverse /= np.array([[np.cos(self._pose.yaw)], [np.cos(self._pose.pitch)]])
        columns, rows = places[None] - affine[0, 2], places[:, None] - affine[1, 2]
        middle = (self._grid.side - 1) / 2
        x, y = (middle + row[0] * columns + row[1] * rows for row in inverse)
        return x.astype(np.float32), y.astype(np.float32)

    def _near(self, x: Plane, y: Plane) -> Plane:
        """Depth at pixels of the canvas, units."""
        near = cv2.remap(self._relief, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(near, np.float32)
