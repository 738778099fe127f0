"""Upper body motion (section 3.3): a billboard of points, followed in footage by optical flow."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.geometry.camera import Pinhole

COUNT = 18
"""Points of the shoulders, nine a side."""

SHARE = 0.5
"""Of the head's translation that the shoulders follow."""

Picture = UInt8[np.ndarray, "H W 3"]

_WINDOW, _LEVELS = 21, 3  # of Lucas and Kanade's flow
_BLUR = 5  # pixels, before edges are looked for
_STEEP = 6.0  # levels a pixel that an outline differs from what is above it
_WRONG = 1.5  # pixels that a point may be off after it was followed there and back


def find_shoulders(
    picture: Picture, chin: Float[np.ndarray, "2"], width: float
) -> Float[np.ndarray, "18 2"] | None:
    """Where the shoulders' outline is: the paper's are marked by hand.

    In columns to either side of the neck, the steepest edge below the chin.

    Args:
        picture: RGB.
        chin: in pixels.
        width: of the face, pixels.

    Returns:
        Points from left to right; None where the picture ends above the shoulders, or shows no
        outline.
    """
    height, breadth = picture.shape[:2]
    top = round(float(chin[1]))
    if top + 0.15 * width > height:
        return None
    offsets = np.linspace(0.6, 1.3, COUNT // 2) * width
    columns = np.concatenate([chin[0] - offsets[::-1], chin[0] + offsets])
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), _BLUR)
    steep = np.abs(np.gradient(grey.astype(np.float32), axis=0))
    columns = np.clip(columns.round(), 0, breadth - 1).astype(int)
    strip = steep[top : height - 1, columns]
    if np.median(strip.max(0)) < _STEEP / _BLUR:
        return None
    rows = top + _even(strip)
    return np.column_stack([columns, rows]).astype(np.float64)


def _even(strip: Float[np.ndarray, "R C"]) -> Float[np.ndarray, "C"]:
    """The row of each column's edge; one that jumps away from its neighbours is laid between."""
    rows = strip.argmax(0).astype(np.float64)
    half = len(rows) // 2
    for side in (rows[:half], rows[half:]):
        middle = np.median(side)
        spread = np.median(np.abs(side - middle)) + 1
        wrong = np.abs(side - middle) > 4 * spread
        side[wrong] = middle
    return rows


def follow(
    pictures: Iterable[Picture], first: Float[np.ndarray, "S 2"]
) -> Iterator[Float[np.ndarray, "S 2"]]:
    """Follow points through frames in a row (Lucas and Kanade's flow, Bouguet 2001).

    What does not come back to its place when it is followed back moves with the others.

    Args:
        pictures: RGB, of one size.
        first: the points in the first of them.

    Yields:
        those of every frame.
    """
    points, before = first.astype(np.float32), None
    for picture in pictures:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if before is not None:
            points = _moved(before, grey, points)
        before = grey
        yield points.astype(np.float64)


def _moved(
    before: UInt8[np.ndarray, "H W"], now: UInt8[np.ndarray, "H W"], points: np.ndarray
) -> np.ndarray:
    there, found = _flow(before, now, points[:, None])
    back, kept = _flow(now, before, there)
    wrong = np.abs(back[:, 0] - points).max(1) > _WRONG
    lost = wrong | (found[:, 0] == 0) | (kept[:, 0] == 0)
    step = there[:, 0] - points
    if lost.any():
        step[lost] = 0 if lost.all() else np.median(step[~lost], 0)
    moved: np.ndarray = points + step
    return moved


def _flow(
    one: UInt8[np.ndarray, "H W"], other: UInt8[np.ndarray, "H W"], points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points of one picture are in another, and whether they were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        one, other, points, np.empty_like(points), winSize=(_WINDOW, _WINDOW), maxLevel=_LEVELS
    )
    return np.asarray(there), np.asarray(found)


def billboard(seen: Float[Tensor, "T S 2"], camera: Pinhole) -> Float[Tensor, "S 3"]:
    """Where the shoulders are while the head is at its mean place, at the head's mean depth.

    Args:
        seen: points in pixels.
        camera: that sees the head in the same frames.
    """
    depth = camera.translation[:, 2].mean()
    across = (seen.mean(0) - camera.centre) * depth / camera.focal
    return torch.cat([across, depth.expand(len(across), 1)], 1)


def leaning(
    board: Float[Tensor, "S 3"], translation: Float[Tensor, "T 3"], mean: Float[Tensor, "3"]
) -> Float[Tensor, "T S 3"]:
    """The billboard as the head moves: it goes half as far."""
    return board + SHARE * (translation - mean)[:, None]
