"""Affine maps of the plane, (2, 3) from pixels to pixels, and pictures resampled through them."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.geometry.points import Image, Points


def similarity(source: Points, target: Points) -> Float[np.ndarray, "2 3"]:
    """Least-squares rotation, scale and shift of points onto points, in closed form."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    norm = (s**2).sum()
    cosine, sine = (s * t).sum() / norm, (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / norm
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, mean_t - turn @ mean_s]).astype(np.float32)


def compose(
    outer: Float[np.ndarray, "2 3"], inner: Float[np.ndarray, "2 3"]
) -> Float[np.ndarray, "2 3"]:
    """The affine map that does `inner`, then `outer`."""
    return (outer @ np.vstack([inner, [0, 0, 1]])).astype(np.float32)


def transform(points: Points, matrix: Float[np.ndarray, "2 3"]) -> Points:
    """Apply an affine map to points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def sample(
    frame: UInt8[np.ndarray, "H W 3"],
    matrix: Float[np.ndarray, "2 3"],
    grid: Float[np.ndarray, "size size 2"],
) -> Image:
    """Resample a frame once, through the affine map and the warp together."""
    back = cv2.invertAffineTransform(matrix)
    source = grid @ back[:, :2].T + back[:, 2]
    both = np.empty(0)  # the first map holds x and y
    return cv2.remap(frame, source, both, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
