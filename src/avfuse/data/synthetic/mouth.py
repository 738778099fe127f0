"""Lips, teeth and tongue, drawn column by column between the lips' four curves.

The curves are functions of u, so that the landmarks are points of them and nothing is estimated.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.paint import Grid, Image, Plane, bump, filled, mix, step, tint

_RAISE = 0.22  # share of the opening that the upper lip makes; the jaw makes the rest


class Curves(NamedTuple):
    """v of the four edges at some u: outer upper, inner upper, inner lower, outer lower."""

    top: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    bottom: np.ndarray


class Lips(NamedTuple):
    """The mouth of one frame; lengths in units.

    Attributes:
        who: whose.
        aperture: distance of the inner lips in the middle.
        spread: -1 rounded to 1 spread.
        tongue: height of the tongue, 0 to 1.
        tuck: lower lip against the upper teeth, 0 to 1.
    """

    who: Identity
    aperture: float
    spread: float
    tongue: float
    tuck: float

    @property
    def fall(self) -> float:
        """How far the jaw falls."""
        return (1 - _RAISE) * self.aperture * 0.9

    @property
    def half(self) -> float:
        """Half the mouth's width; rounding narrows it more than spreading widens it."""
        return self.who.mouth_width * (1 + (0.16 if self.spread > 0 else 0.3) * self.spread)

    @property
    def inner_half(self) -> float:
        """Half the inner lips' width."""
        return self.half * 0.84 - 0.01

    @property
    def rounding(self) -> float:
        """0 to 1."""
        return max(0.0, -self.spread)

    def curves(self, u: np.ndarray) -> Curves:
        """The lips' edges at u; all equal at the corners and beyond."""
        x = np.clip(u / self.half, -1, 1)
        inner = np.clip(u / self.inner_half, -1, 1)
        line = self._line(x)
        # A square-rooted parabola is an ellipse: round lips have an upright oval between them.
        hole = self.aperture * (1 - inner * inner) ** (0.62 - 0.12 * self.rounding)
        hull = self.aperture * (1 - x * x) ** (0.72 - 0.2 * self.rounding)
        pout = 1 + 0.3 * self.rounding - 0.12 * max(0.0, self.spread)
        thick_upper = self.who.upper_lip * pout * self._bow(u) * (1 - x * x) ** 0.75
        thick_lower = self.who.lower_lip * pout * (1 - 0.35 * self.tuck) * (1 - x * x) ** 0.6
        upper = line - _RAISE * hole
        lower = line + (1 - _RAISE) * hole
        return Curves(
            top=np.minimum(upper, line - _RAISE * hull) - thick_upper,
            upper=upper,
            lower=lower,
            bottom=np.maximum(lower, line + (1 - _RAISE) * hull) + thick_lower,
        )

    def landmarks(self) -> Float[np.ndarray, "20 2"]:
        """iBUG 48 to 67: outer then inner lips, both clockwise from the image's left."""
        outer = np.array([-1, -0.62, -0.24, 0, 0.24, 0.62, 1, 0.6, 0.28, 0, -0.28, -0.6])
        inner = np.array([-1, -0.45, 0, 0.45, 1, 0.45, 0, -0.45])
        u = np.concatenate([outer * self.half, inner * self.inner_half])
        curves = self.curves(u)
        edge = np.repeat([0, 3, 1, 2], [7, 5, 5, 3])
        return np.stack([u, np.choose(edge, list(curves))], 1)

    def _line(self, x: np.ndarray) -> np.ndarray:
        """Where shut lips meet; the corners sink as the jaw falls."""
        who = self.who
        corner = who.mouth_corner + 0.35 * self.fall - 0.02 * max(0.0, self.spread)
        dip = 0.012 * np.exp(-0.5 * (x / 0.25) ** 2)
        return np.asarray(who.mouth_v + corner * x * x + dip - 0.012)

    def _bow(self, u: np.ndarray) -> np.ndarray:
        """Cupid's bow, which rounding flattens."""
        return 1 - 0.22 * (1 - self.rounding) * np.exp(-0.5 * (u / 0.045) ** 2)


def mouth_window(grid: Grid, who: Identity) -> tuple[slice, slice]:
    """Rows and columns of the canvas that a mouth can reach."""
    reach = who.mouth_width * 1.16 + 0.14
    return grid.window(-reach, who.mouth_v - 0.28, reach, who.mouth_v + 0.72)


def draw_mouth(image: Image, light: Plane, grid: Grid, lips: Lips) -> None:
    """Draw into the part of the canvas that `mouth_window` cuts out, in place.

    Args:
        image: the part, skin so far.
        light: how bright the skin is lit there.
        grid: of the whole canvas.
        lips: what to draw.
    """
    u, v = grid.axes(*mouth_window(grid, lips.who))
    curves = lips.curves(u)
    _shade_skin(image, lips, u, v, curves)
    soft = 0.8 / grid.per_unit
    outer = _between(v, curves.top, curves.bottom, soft)
    mix(image, _lip_skin(lips, u, v, curves) * light, outer)
    if lips.aperture > 0.25 * soft:
        hole = _between(v, curves.upper, curves.lower, soft)
        hole *= np.minimum(1, lips.aperture / (2 * soft))
        mix(image, _cavity(lips, u, v, curves, soft) * np.minimum(light, 1.05), hole)


def _between(v: np.ndarray, above: np.ndarray, below: np.ndarray, soft: float) -> np.ndarray:
    """Coverage of the region between two curves, which vanishes where they meet."""
    inside = step(np.minimum(v - above, below - v), -soft, soft)
    return np.asarray(inside * step(below - above, 0.0, 2 * soft))


def _shade_skin(image: Image, lips: Lips, u: np.ndarray, v: np.ndarray, curves: Curves) -> None:
    """The shadow under the lower lip and the dimples at the corners."""
    across = np.exp(-0.5 * (u / (0.6 * lips.half)) ** 2)
    under = bump(u * 0.0, v - curves.bottom, (0.0, 0.05), 1.0, 0.04) * across
    _, corner_v = lips.landmarks()[0]
    dimple = bump(np.abs(u), v, (lips.half + 0.015, float(corner_v)), 0.03, 0.035)
    image *= 1 - 0.22 * under - (0.3 + 0.1 * max(0.0, lips.spread)) * dimple


def _lip_skin(lips: Lips, u: np.ndarray, v: np.ndarray, curves: Curves) -> Image:
    """Upper lip in its own shade, lower lip rounded with a soft shine, dark where they meet."""
    middle = (curves.upper + curves.lower) / 2
    is_upper = v < middle
    span = np.where(is_upper, curves.upper - curves.top, curves.bottom - curves.lower)
    into = np.where(is_upper, v - curves.top, curves.bottom - v) / np.maximum(span, 1e-3)
    into = np.clip(into, 0, 1)  # 0 at the outer edge, 1 at the inner
    bright = np.where(is_upper, 0.92 - 0.22 * into, 0.85 + 0.55 * into * (1 - into))
    bright *= 1 - 0.4 * step(into, 0.8, 1.0)
    bright *= 1 + 0.05 * np.sin(u * 95) * ~is_upper
    shine = 0.3 * bump(u, into, (-0.03, 0.5), 0.1, 0.16) * ~is_upper
    skin = tint(lips.who.lips) * bright
    mix(skin, (255.0, 235.0, 230.0), shine)
    # The edge of the red is soft in nature.
    mix(skin, np.array(lips.who.skin) * 0.9, 0.4 * step(into, 0.22, 0.0))
    return np.asarray(skin)


def _cavity(lips: Lips, u: np.ndarray, v: np.ndarray, curves: Curves, soft: float) -> Image:
    """What is seen between the lips: dark throat, tongue, lower and upper teeth."""
    who = lips.who
    inside = filled((46.0, 16.0, 16.0), np.broadcast_shapes(u.shape, v.shape))
    shown = 1 - lips.rounding
    arch = 0.5 * (u / 0.3) ** 2
    floor = who.mouth_v + (1 - _RAISE) * lips.aperture
    tongue_top = floor - (0.09 + 0.13 * lips.tongue) * np.sqrt(np.maximum(1 - (u / 0.24) ** 2, 0))
    tongue = step(v - tongue_top, -0.015, 0.03) * (np.abs(u) < 0.24)
    mix(inside, (168.0, 82.0, 82.0), (0.25 + 0.6 * shown) * tongue)
    lower_edge = floor + 0.03 - 0.06 * shown + 0.25 * arch
    mix(inside, _teeth(who, u, 0.045), 0.8 * step(v - lower_edge, -soft, soft) * (arch < 0.4))
    upper_edge = who.mouth_v - 0.02 + 0.062 * shown - 0.08 * arch
    upper = step(upper_edge - v, -soft, soft) * step(np.abs(u) + 0 * v, 0.33, 0.25)
    mix(inside, _teeth(who, u, 0.07), 0.95 * upper)
    shadow = step(v - curves.upper, -0.01, 0.05) * step(curves.lower - v, -0.01, 0.03)
    rim = step(np.abs(u), lips.inner_half, 0.6 * lips.inner_half)
    inside *= 0.35 + 0.65 * shadow * (0.4 + 0.6 * rim)
    return inside


def _teeth(who: Identity, u: np.ndarray, width: float) -> Image:
    """A row of teeth: gaps between them, darker to the sides."""
    gap = np.abs(np.sin(np.pi * u / width)) ** 0.3
    shade = (0.75 + 0.25 * gap) * (1 - 0.5 * step(np.abs(u), 0.1, 0.3))
    return np.asarray(tint(who.teeth) * shade, np.float32)
