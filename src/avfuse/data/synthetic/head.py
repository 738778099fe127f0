"""The head without eyes and mouth, painted once a clip: skin, nose, brows, hair, beard, ears."""

from typing import NamedTuple

import cv2
import numpy as np

from avfuse.data.synthetic.anatomy import brows, depth, inside
from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.paint import (
    Grid,
    Image,
    Plane,
    bump,
    clouds,
    filled,
    mix,
    polygon,
    step,
    tint,
)


class Head(NamedTuple):
    """A painted head on its canvas.

    Attributes:
        image: lit colours; beyond the outline they go on, so that no edge darkens.
        cover: 0 outside the head to 1 inside.
        light: how bright the skin is lit, about 1.
        relief: depth in units, for the parallax.
        glasses: colours and cover of the glasses; None without.
    """

    image: Image
    cover: Plane
    light: Plane
    relief: Plane
    glasses: tuple[Image, Plane] | None

    def with_glasses(self) -> Image:
        """The image with the glasses on."""
        image = self.image.copy()
        if self.glasses is not None:
            mix(image, *self.glasses)
        return image


def paint_head(who: Identity, grid: Grid, rng: np.random.Generator) -> Head:
    """Paint somebody under a light from somewhere in front."""
    u, v = grid.axes()
    relief = depth(who, u, v).astype(np.float32)
    light, shine = _lighting(relief, grid, rng)
    image = _skin(who, grid, rng)
    _draw_nostrils(image, who, u, v)
    _draw_beard(image, who, grid, rng)
    _draw_brows(image, who, grid, rng)
    image *= light
    image += shine * rng.uniform(5, 30)
    cover = _outline(who, grid)
    hair = _hair_cover(who, grid, rng)
    # All of it beyond the head, or the skin would shimmer through at the hair's own edge.
    mix(image, _hair_image(who, grid, light, rng), np.maximum(hair, (hair > 0) * (1 - cover)))
    cover = np.maximum(np.maximum(cover, hair), _draw_ears(image, who, grid, light, cover))
    smooth = cv2.GaussianBlur(relief, (0, 0), 0.06 * grid.per_unit)
    glasses = _glasses(who, grid) if who.glasses else None
    return Head(image, cover.astype(np.float32), light, np.asarray(smooth), glasses)


def _lighting(relief: Plane, grid: Grid, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Lambert's law under one soft lamp and the room's light; and the skin's shine."""
    smooth = cv2.GaussianBlur(relief, (0, 0), 0.015 * grid.per_unit)
    slope_v, slope_u = np.gradient(smooth, 1 / grid.per_unit)
    normal = np.stack([-slope_u, -slope_v, np.ones_like(smooth)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    side, height = rng.uniform(-0.8, 0.8), rng.uniform(0.1, 0.8)
    lamp = np.array([side, -height, 1.0])
    lamp /= np.linalg.norm(lamp)
    facing = np.maximum(normal @ lamp, 0)
    room = rng.uniform(0.35, 0.7)
    # Hollows get less of the room's light.
    hollow = cv2.GaussianBlur(relief, (0, 0), 0.12 * grid.per_unit) - smooth
    light = room * (1 - 1.6 * np.maximum(hollow, 0)) + (1 - room) * 1.15 * facing
    half = lamp + np.array([0, 0, 1])
    shine = np.maximum(normal @ (half / np.linalg.norm(half)), 0) ** 24
    return (light / 0.95).astype(np.float32), shine.astype(np.float32)


def _skin(who: Identity, grid: Grid, rng: np.random.Generator) -> Image:
    u, v = grid.axes()
    shape = (grid.side, grid.side)
    image = filled(who.skin, shape)
    red = 0.5 * bump(np.abs(u), v, (0.55, 0.5), 0.2, 0.2) + 0.5 * bump(
        u, v, (0.0, 0.55), 0.18, 0.15
    )
    red += 0.25 * bump(u, v, (0.0, who.chin - 0.15), 0.25, 0.12) + 0.06 * clouds(rng, shape, (9, 9))
    image *= 1 + red * tint((0.03, -0.13, -0.12))
    tired = bump(np.abs(u), v, (who.eye_x - 0.03, 0.15), 0.14, 0.04)
    image *= 1 - (0.06 + 0.14 * who.age) * tired
    texture = 0.022 * clouds(rng, shape, (14, 14), 3)
    texture += 0.02 * clouds(rng, shape, (grid.side // 3, grid.side // 3))
    spots = step(clouds(rng, shape, (90, 90)), 1.5, 2.2) * bump(u, v, (0.0, 0.4), 0.6, 0.35)
    image *= 1 + texture - 0.3 * who.freckles * spots
    wrinkle = np.sin((v + 0.03 * np.cos(2 * u)) * 42) * bump(u, v, (0.0, -0.72), 0.4, 0.14)
    image *= 1 + 0.05 * who.age * wrinkle
    return image


def _draw_nostrils(image: Image, who: Identity, u: np.ndarray, v: np.ndarray) -> None:
    side = np.abs(u)
    hole = bump(side, v, (0.45 * who.nose_width, who.nose_v), 0.045, 0.02)
    wing_u = who.nose_width * (1 - 0.5 * ((v - who.nose_v + 0.09) / 0.13) ** 2)
    wing = np.exp(-0.5 * ((side - wing_u) / 0.018) ** 2)
    wing = wing * step(np.abs(v - who.nose_v + 0.09), 0.13, 0.06)
    under = bump(u, v, (0.0, who.nose_v + 0.035), 0.6 * who.nose_width, 0.025)
    image *= 1 - np.minimum(0.9, 0.8 * hole + 0.25 * wing + 0.22 * under)


def _draw_brows(image: Image, who: Identity, grid: Grid, rng: np.random.Generator) -> None:
    hairs = 1 + 0.2 * clouds(rng, (grid.side, grid.side), (grid.side // 4, grid.side // 2))
    for line, taper in zip(
        brows(who), ([0.35, 0.8, 1, 1, 0.85], [0.85, 1, 1, 0.8, 0.35]), strict=True
    ):
        thick = np.array(taper)[:, None] * [0, who.brow_thick]
        shape = polygon(grid, np.concatenate([line - thick, (line + thick)[::-1]]), 0.018)
        mix(image, who.brows, np.clip(0.85 * shape * hairs, 0, 0.95))


def _draw_beard(image: Image, who: Identity, grid: Grid, rng: np.random.Generator) -> None:
    """Stubble or beard, whichever its strength; the hairs are short strokes."""
    u, v = grid.axes()
    side = np.abs(u)
    cheek = 0.35 + 0.65 * side**2
    edge = (1 - cheek) * who.mouth_v + cheek * 0.35
    low = step(v - edge, 0.02, 0.2) * step(side, 0.15, 0.5)
    chin = step(v, who.mouth_v + 0.12, who.mouth_v + 0.3)
    upper = bump(u, v, (0.0, who.mouth_v - 0.15), 0.26, 0.055)
    strokes = 1 + 0.2 * clouds(rng, (grid.side, grid.side), (grid.side // 4, grid.side // 2))
    beard = np.maximum(
        who.beard * np.maximum(low, chin), who.moustache * np.minimum(1.2 * upper, 1)
    )
    mix(image, np.array(who.hair) * 0.8, np.clip(0.85 * beard * strokes, 0, 0.92))


def _outline(who: Identity, grid: Grid) -> Plane:
    """Antialiased cover of the head without hair."""
    form = inside(who, *grid.axes())
    slope = np.hypot(*np.gradient(form))
    return np.asarray(np.clip(form / np.maximum(slope, 1e-4) + 0.5, 0, 1), np.float32)


def _hair_cover(who: Identity, grid: Grid, rng: np.random.Generator) -> Plane:
    """Above the hairline and down the sides, within a head grown by the hair's volume."""
    if who.bald:
        return np.zeros((grid.side, grid.side), np.float32)
    u, v = grid.axes()
    ragged = 0.03 * clouds(rng, (grid.side, grid.side), (3, grid.side // 8))
    parting = 0.12 * np.tanh((u - who.hair_parting) * 4) * (abs(who.hair_parting) > 0.2)
    line = who.hairline + (0.55 + 0.3 * who.hair_volume) * u * u - parting + ragged
    front = step(line - v, -0.03, 0.03)
    temple = 0.9 + 0.06 * np.maximum(v, 0) + 0.5 * ragged
    sides = step(np.abs(u) - temple, -0.03, 0.03)
    sides = sides * step(v, who.hair_long + 0.1, who.hair_long - 0.1) * (v > -0.6)
    form = inside(who, u, np.minimum(v, 0.25), who.hair_volume) + 0.3 * ragged
    grown = step(form, -0.02, 0.04)
    return np.asarray(np.maximum(front, sides) * grown, np.float32)


def _hair_image(who: Identity, grid: Grid, light: Plane, rng: np.random.Generator) -> Image:
    """Strands along the head, with a band of shine."""
    shape = (grid.side, grid.side)
    _, v = grid.axes()
    strands = 0.16 * clouds(rng, shape, (4, grid.side // 4)) + 0.1 * clouds(rng, shape, (6, 40))
    band = bump(0 * v, v, (0.0, who.top + 0.3), 1.0, 0.16) * rng.uniform(0.1, 0.5)
    lit = np.clip(0.35 + 0.65 * light, 0.3, 1.2) * (1 + strands + band)
    return np.asarray(tint(who.hair) * lit, np.float32)


def _draw_ears(image: Image, who: Identity, grid: Grid, light: Plane, head: Plane) -> Plane:
    """Ears beside the head; returns their cover."""
    u, v = grid.axes()
    out = np.hypot((np.abs(u) - 0.97) / (0.06 + who.ear), (v - 0.2 + 0.3 * (np.abs(u) - 1)) / 0.3)
    cover = step(out, 1.05, 0.95)
    if who.hair_long > 0.35 and not who.bald:
        return np.zeros_like(light)
    ear = filled(np.array(who.skin) * [0.98, 0.9, 0.88], light.shape)
    ear *= 0.85 * light.mean() * (1 - 0.35 * bump(out, 0 * out, (0.55, 0.0), 0.15, 1.0))
    mix(image, ear, cover * (1 - head))
    return np.asarray(cover, np.float32)


def _glasses(who: Identity, grid: Grid) -> tuple[Image, Plane]:
    """Two rims, a bridge and the temples' beginnings."""
    u, v = grid.axes()
    side = np.abs(u)
    power = 2 + 4 * who.glasses
    ring = (np.abs(side - who.eye_x) / 0.33) ** power + (np.abs(v - 0.04) / 0.25) ** power
    rim = step(np.abs(ring ** (1 / power) - 1.0), 0.11, 0.06)
    bridge = step(np.abs(v + 0.03 - 0.5 * u * u), 0.035, 0.02) * (side < who.eye_x - 0.31)
    arm = step(np.abs(v + 0.03), 0.035, 0.02) * (side > who.eye_x + 0.31) * (side < 1)
    image = filled(np.array(who.clothes) * 0.35, (grid.side, grid.side))
    return image, np.asarray(np.maximum(np.maximum(rim, bridge), arm) * 0.92, np.float32)
