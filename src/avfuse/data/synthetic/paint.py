"""Brushes on float images: soft steps, bumps, noise, mixing; no faces yet."""

import cv2
import numpy as np
from jaxtyping import Float, Float32

from avfuse.data.synthetic.identity import Colour

Plane = Float32[np.ndarray, "H W"]
"""One value a pixel."""
Image = Float32[np.ndarray, "3 H W"]
"""Red, green, blue, 0 to 255; colours first, so that a plane multiplies all three."""


class Grid:
    """A square picture in face units: where its pixels lie.

    Pixel centres are at whole numbers; u points right, v down, both 0 between the eyes.
    """

    CENTRE_V = 0.05
    """The v at the picture's centre."""

    def __init__(self, side: int, units: float) -> None:
        """A picture of side x side pixels that spans `units` units."""
        self.side = side
        self.per_unit = side / units

    def to_pixels(self, points: Float[np.ndarray, "... 2"]) -> Float[np.ndarray, "... 2"]:
        """From units to pixels."""
        return (points - [0, self.CENTRE_V]) * self.per_unit + (self.side - 1) / 2

    def window(self, u0: float, v0: float, u1: float, v1: float) -> tuple[slice, slice]:
        """Rows and columns that cover a rectangle in units."""
        (x0, y0), (x1, y1) = self.to_pixels(np.array([[u0, v0], [u1, v1]]))
        edge = self.side
        rows = slice(max(0, int(y0)), min(edge, int(np.ceil(y1)) + 1))
        return rows, slice(max(0, int(x0)), min(edge, int(np.ceil(x1)) + 1))

    def axes(
        self, rows: slice = slice(None), columns: slice = slice(None)
    ) -> tuple[Float32[np.ndarray, "1 W"], Float32[np.ndarray, "H 1"]]:
        """u of the columns and v of the rows, to broadcast over a picture."""
        places = (np.arange(self.side, dtype=np.float32) - (self.side - 1) / 2) / self.per_unit
        v = places[rows, None] + np.float32(self.CENTRE_V)
        return places[None, columns].astype(np.float32), v.astype(np.float32)


def step(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between (also with low > high)."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def bump(
    u: np.ndarray, v: np.ndarray, at: tuple[float, float], width: float, height: float
) -> np.ndarray:
    """A Gaussian hill of height 1; width and height are standard deviations."""
    return np.asarray(
        np.exp(-0.5 * ((u - at[0]) / width) ** 2) * np.exp(-0.5 * ((v - at[1]) / height) ** 2)
    )


def mix(image: np.ndarray, colour: np.ndarray | Colour, weight: np.ndarray) -> None:
    """Lay a colour, or a picture, over an image, in place."""
    over = colour if isinstance(colour, np.ndarray) and colour.ndim == 3 else tint(colour)
    image += (over - image) * weight


def tint(colour: np.ndarray | Colour, factor: float = 1.0) -> Float32[np.ndarray, "3 1 1"]:
    """A colour to broadcast over an image, brighter by a factor."""
    return (np.asarray(colour, np.float32) * np.float32(factor)).reshape(3, 1, 1)


def filled(colour: np.ndarray | Colour, shape: tuple[int, ...]) -> Image:
    """An image (H, W) of one colour."""
    return np.broadcast_to(tint(colour), (3, *shape)).copy()


def clouds(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int], octaves: int = 1
) -> Plane:
    """Smooth noise of about unit variance; `cells` (rows, columns) hills, then halves of them."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        rows, columns = (min(c * 2**octave, s) for c, s in zip(cells, shape, strict=True))
        coarse = rng.standard_normal((rows + 3, columns + 3), np.float32)
        fine = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
        total += fine * np.float32(0.6**octave)
    return total


def polygon(grid: Grid, points: Float[np.ndarray, "K 2"], softness: float = 0.0) -> Plane:
    """Coverage of a polygon given in units; its edge is blurred over `softness` units."""
    mask = np.zeros((grid.side, grid.side), np.uint8)
    pixels = np.round(grid.to_pixels(points) * 16).astype(np.int32)
    cv2.fillPoly(mask, [pixels], 255, cv2.LINE_AA, 4)
    if softness > 0:
        sigma = max(0.3, softness * grid.per_unit)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma))
    return mask.astype(np.float32) / 255
