"""Eyes: lids, sclera, iris and lashes, drawn column by column between the lids' curves."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.paint import Grid, Image, Plane, filled, mix, step


class Eye(NamedTuple):
    """One eye of one frame; `side` is -1 for the image's left, lengths in units."""

    who: Identity
    side: int
    lid: float
    gaze: tuple[float, float]

    def lids(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """v of the upper and of the lower lid's edge at u; equal at and beyond the corners."""
        who = self.who
        across = np.clip((u * self.side - who.eye_x) / who.eye_width, -1, 1)  # -1 at the nose
        arch = 1 - across * across
        line = -who.eye_slant * across + 0.01
        # The highest point lies towards the nose; a shut lid lies on the lower one.
        upper = who.eye_height * arch**0.75 * (1 - 0.12 * across)
        lower = 0.55 * who.eye_height * arch
        return line + lower - self.lid * (upper + lower), line + lower

    def landmarks(self) -> Float[np.ndarray, "6 2"]:
        """In iBUG order: clockwise from the corner at the image's left."""
        places = np.array([-1, -0.36, 0.36, 1, 0.36, -0.36]) * self.who.eye_width
        u = self.side * self.who.eye_x + places
        upper, lower = self.lids(u)
        return np.stack([u, np.where(np.arange(6) < 4, upper, lower)], 1)


def eye_window(grid: Grid, who: Identity, side: int) -> tuple[slice, slice]:
    """Rows and columns of the canvas that an eye is drawn in."""
    reach = who.eye_width + 0.06
    u = side * who.eye_x
    return grid.window(u - reach, -0.2, u + reach, 0.16)


def draw_eye(image: Image, light: Plane, grid: Grid, eye: Eye) -> None:
    """Draw into the part of the canvas that `eye_window` cuts out, in place.

    Args:
        image: the part, skin so far.
        light: how bright the skin is lit there.
        grid: of the whole canvas.
        eye: what to draw.
    """
    rows, columns = eye_window(grid, eye.who, eye.side)
    u, v = grid.axes(rows, columns)
    upper, lower = eye.lids(u)
    soft = 0.7 / grid.per_unit
    within = step(np.minimum(v - upper, lower - v), -soft, soft)
    within *= step(lower - upper, 0.0, 0.02)
    width = eye.who.eye_width
    between = step(np.abs(u * eye.side - eye.who.eye_x), width * 1.08, width * 0.9)
    _draw_lid(image, eye, u, v, upper, between)
    mix(image, _ball(eye, u, v, upper, soft) * np.minimum(light, 1.1), within)
    lash = np.exp(-0.5 * ((v - upper) / 0.016) ** 2) * between
    mix(image, (22.0, 16.0, 14.0), 0.8 * lash)
    rim = np.exp(-0.5 * ((v - lower) / 0.014) ** 2) * between
    mix(image, np.array(eye.who.skin) * 0.5, 0.35 * rim)


def _draw_lid(
    image: Image, eye: Eye, u: np.ndarray, v: np.ndarray, upper: np.ndarray, between: np.ndarray
) -> None:
    """The crease above the lid, which follows the lid a little, and the shadow in it."""
    rest, _ = eye._replace(lid=1.0).lids(u)
    crease = rest - 0.055 + 0.2 * (upper - rest)
    line = np.exp(-0.5 * ((v - crease) / 0.014) ** 2) * between
    image *= 1 - 0.28 * line


def _ball(eye: Eye, u: np.ndarray, v: np.ndarray, upper: np.ndarray, soft: float) -> Image:
    """Sclera, iris, pupil, catchlight, and the shadow of the lid on them."""
    who = eye.who
    centre_u = eye.side * who.eye_x + 0.06 * eye.gaze[0]
    centre_v = 0.025 * eye.gaze[1]
    radius = np.hypot(u - centre_u, v - centre_v)
    ball = filled((212.0, 204.0, 198.0), radius.shape)
    iris = np.array(who.eyes)
    mix(ball, iris * 0.55, step(radius, 0.092 + soft, 0.092 - soft))
    mix(ball, iris * 1.25, step(radius, 0.085, 0.055))
    mix(ball, (10.0, 8.0, 8.0), step(radius, 0.042 + soft, 0.042 - soft))
    shadow = 0.55 + 0.45 * step(v - upper, -0.01, 0.07)
    corner = 1 - 0.25 * step(np.abs(u - eye.side * who.eye_x), 0.6 * who.eye_width, who.eye_width)
    ball *= shadow * corner
    glint = np.hypot(u - centre_u + 0.03, v - centre_v + 0.03)
    mix(ball, (250.0, 250.0, 250.0), 0.9 * step(glint, 0.018 + soft, 0.018 - soft))
    return ball
