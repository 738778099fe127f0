"""Head pose: how the mean face lies in space when a far camera sees its 68 points so.

Rotation and translation against canonical landmarks, as Rhythmic Head Motion disentangles them
(Chen et al. 2020, section 3.3), from points in the picture rather than in space.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from safetensors.numpy import load_file

from avfuse.files.weights import shipped

# How much a point counts: nose and eye corners in full, less what moves a little or is hidden at
# times (lids, brows, the jaw beside the ears), and nothing of what speaks.
_WEIGHTS = np.zeros(68)
_WEIGHTS[[0, 1, 2, 14, 15, 16, *range(17, 27), *range(36, 48)]] = 0.3
_WEIGHTS[[*range(27, 36), 36, 39, 42, 45]] = 1.0
_USED = np.flatnonzero(_WEIGHTS)
_SHARES = (_WEIGHTS / _WEIGHTS.sum())[_USED]

_STEPS = 2  # of Gauss-Newton; after them, faces are less than 0.02° from the best fit


class HeadPose(NamedTuple):
    """Where a head is and where it faces, under weak perspective: x = scale · R X + translation.

    Axes: x to the picture's right, y down, z away from the camera, which looks along +z; a face
    with R = 1 looks into the camera. R = roll · pitch · yaw, the yaw done first, so that turning
    the picture changes roll alone.

    Attributes:
        rotation: R, proper, from the mean face to the camera.
        translation: where the middle of the eyes lies, in pixels.
        scale: pixels from one eye's outer corner to the other's, were R = 1.
    """

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "2"]
    scale: float

    @property
    def yaw(self) -> float:
        """Degrees; positive faces the picture's right."""
        return float(np.degrees(np.arctan2(self.rotation[2, 0], self.rotation[2, 2])))

    @property
    def pitch(self) -> float:
        """Degrees; positive faces down."""
        return float(np.degrees(np.arcsin(np.clip(self.rotation[2, 1], -1, 1))))

    @property
    def roll(self) -> float:
        """Degrees; positive is clockwise in the picture."""
        return float(np.degrees(np.arctan2(-self.rotation[0, 1], self.rotation[1, 1])))

    def project(self, points: Float[np.ndarray, "P 3"]) -> Float[np.ndarray, "P 2"]:
        """From the mean face's space to pixels."""
        return self.scale * points @ self.rotation[:2].T + self.translation


@functools.cache
def mean_shape() -> Float[np.ndarray, "68 3"]:
    """The mean face: 0 between the eyes, their outer corners 1 apart; axes as of `HeadPose`.

    Learnt by [`avfuse.experts.landmarks.mean_shape`][] from labels by MediaPipe FaceMesh
    (Apache-2.0).
    """
    path = shipped("avfuse.geometry", "mean_shape.safetensors")
    points = load_file(path)["points"].astype(np.float64)
    points.flags.writeable = False  # everybody shares it
    return points


def fit_pose(landmarks: Float[np.ndarray, "68 2"]) -> HeadPose:
    """The head pose of one face; see `fit_poses`."""
    return fit_poses(landmarks[None])[0]


def fit_poses(landmarks: Float[np.ndarray, "T 68 2"]) -> list[HeadPose]:
    """The head pose of each face: weighted least squares of the mean face's projection.

    The best affine camera in closed form, the nearest rotation to it (POS, DeMenthon and Davis
    1995), and two steps of Gauss-Newton from there. A mouth that speaks changes nothing.

    Args:
        landmarks: in pixels, x before y; finite.
    """
    shape = mean_shape()[_USED]
    centre = _SHARES @ shape
    seen = landmarks[:, _USED].astype(np.float64)
    middle = _SHARES @ seen
    shape, seen = shape - centre, seen - middle[:, None]
    rotation, scale = _nearest_rotation(_affine(shape, seen))
    for _ in range(_STEPS):
        rotation, scale = _refined(shape, seen, rotation, scale)
    translation = middle - scale[:, None] * (rotation[:, :2] @ centre)
    return [HeadPose(r, t, float(s)) for r, t, s in zip(rotation, translation, scale, strict=True)]


def _affine(
    shape: Float[np.ndarray, "P 3"], seen: Float[np.ndarray, "T P 2"]
) -> Float[np.ndarray, "T 2 3"]:
    """The affine camera that sees the shape so."""
    weighted = _SHARES[:, None] * shape
    camera: Float[np.ndarray, "T 2 3"] = (
        np.swapaxes(seen, 1, 2) @ np.linalg.solve(shape.T @ weighted, weighted.T).T
    )
    return camera


def _nearest_rotation(
    camera: Float[np.ndarray, "T 2 3"],
) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T"]]:
    """The scaled rotation whose first two rows are nearest to an affine camera's."""
    u, stretch, v = np.linalg.svd(camera, full_matrices=False)
    rows = u @ v
    away = np.cross(rows[:, 0], rows[:, 1])
    return np.concatenate([rows, away[:, None]], 1), stretch.mean(1)


def _refined(
    shape: Float[np.ndarray, "P 3"],
    seen: Float[np.ndarray, "T P 2"],
    rotation: Float[np.ndarray, "T 3 3"],
    scale: Float[np.ndarray, "T"],
) -> tuple[Float[np.ndarray, "T 3 3"], Float[np.ndarray, "T"]]:
    """One Gauss-Newton step in a small turn (a vector along its axis) and the scale."""
    x, y, z = np.moveaxis(scale[:, None, None] * shape @ np.swapaxes(rotation, 1, 2), 2, 0)
    zero = np.zeros_like(x)
    # A small turn w moves a point p by w × p; the last column is of the scale's logarithm.
    across, down = np.stack([zero, z, -y, x], -1), np.stack([-z, zero, x, y], -1)
    slopes = np.concatenate([across, down], 1)  # (T, 2P, 4)
    errors = np.concatenate([seen[..., 0] - x, seen[..., 1] - y], 1)
    pull = np.swapaxes(slopes * np.tile(_SHARES, 2)[:, None], 1, 2)
    step = np.linalg.solve(pull @ slopes, pull @ errors[..., None])[..., 0]
    return _turn(step[:, :3]) @ rotation, scale * np.exp(step[:, 3])


def _turn(vector: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3 3"]:
    """The rotation that begins as w × p (Cayley's map)."""
    half = np.cross(np.eye(3), vector[:, None] / 2)
    turn: Float[np.ndarray, "T 3 3"] = np.linalg.solve(np.eye(3) - half, np.eye(3) + half)
    return turn
