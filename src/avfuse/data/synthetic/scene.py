"""What is around the head, painted once a clip: background, neck, shoulders, hair behind."""

import cv2
import numpy as np
from jaxtyping import Float32

from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.paint import Grid, Image, Plane, clouds, filled, mix, polygon, step, tint


def paint_background(side: int, rng: np.random.Generator) -> Image:
    """A room out of focus: a gradient, some shapes, a texture."""
    room = _gradient(side, rng)
    for _ in range(rng.integers(0, 14)):
        _draw_shape(room, side, rng)
    blur = side * rng.choice([0.002, 0.01, 0.03])
    image = cv2.GaussianBlur(room, (0, 0), max(0.3, blur)).transpose(2, 0, 1)
    grey = image.mean(0, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.1, 0.9)  # few rooms are gaudy
    cells = int(rng.integers(2, max(3, side // 4)))
    image *= 1 + rng.uniform(0, 0.08) * clouds(rng, (side, side), (cells, cells), 2)
    return np.asarray(np.clip(image, 0, 255), np.float32)


def _gradient(side: int, rng: np.random.Generator) -> Float32[np.ndarray, "H W 3"]:
    corners = rng.uniform(10, 240, 3) + rng.uniform(-60, 60, (2, 2, 3))
    wide = cv2.resize(corners.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(wide, 5, 250), np.float32)


def _draw_shape(image: Float32[np.ndarray, "H W 3"], side: int, rng: np.random.Generator) -> None:
    colour = rng.uniform(0, 255, 3).tolist()
    kind = rng.integers(3)
    x, y = rng.integers(0, side, 2).tolist()
    reach = rng.integers(max(2, side // 12), max(3, side // 3), 2).tolist()
    if kind == 0:
        cv2.rectangle(image, (x, y), (x + reach[0], y + reach[1]), colour, -1, cv2.LINE_AA)
    elif kind == 1:
        cv2.ellipse(image, (x, y), reach, 0, 0, 360, colour, -1, cv2.LINE_AA)
    else:
        end = rng.integers(0, side, 2).tolist()
        cv2.line(image, (x, y), end, colour, max(1, side // 40), cv2.LINE_AA)


def paint_body(who: Identity, grid: Grid, rng: np.random.Generator) -> tuple[Image, Plane]:
    """Colours and cover of everything behind the head that goes with it."""
    u, v = grid.axes()
    image = filled(np.array(who.hair) * 0.6, (grid.side, grid.side))
    strands = clouds(rng, (grid.side, grid.side), (4, grid.side // 4))
    image *= 1 + 0.15 * strands
    cover = _hair_behind(who, u, v)
    neck = _neck(who, grid)
    mix(image, _neck_image(who, u, v), neck)
    chest = _chest(who, grid, rng)
    mix(image, _clothes(who, grid, rng), chest)
    return image, np.maximum(np.maximum(cover, neck), chest).astype(np.float32)


def _hair_behind(who: Identity, u: np.ndarray, v: np.ndarray) -> Plane:
    if who.bald or who.hair_long < 0.35:
        return np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    wide = 1.0 + who.hair_volume + 0.08 * np.sin(2 * v)
    cover = step(np.abs(u) - wide, 0.03, -0.03) * step(v, who.hair_long, who.hair_long - 0.3)
    return np.asarray(cover * (v > 0), np.float32)


def _neck(who: Identity, grid: Grid) -> Plane:
    half, chin = who.neck, who.chin
    right = [(half, 0.6), (half * 0.97, chin - 0.1), (half * 1.1, chin + 0.25), (1.3, chin + 0.6)]
    points = np.array(right + [(-u, v) for u, v in reversed(right)])
    return polygon(grid, points)


def _neck_image(who: Identity, u: np.ndarray, v: np.ndarray) -> Image:
    """Round, and in the shadow of the chin."""
    shade = 0.9 - 0.3 * (u / who.neck) ** 2 * (v < who.chin + 0.3)
    shade = shade * (1 - 0.42 * step(v, who.chin + 0.3, who.chin - 0.05))
    tendon = np.exp(-0.5 * ((np.abs(u) - 0.25 - 0.3 * (who.chin + 0.3 - v)) / 0.05) ** 2)
    shade = np.maximum(shade - 0.04 * tendon, 0.25)
    return np.asarray(tint(who.skin) * shade, np.float32)


def _chest(who: Identity, grid: Grid, rng: np.random.Generator) -> Plane:
    collar, wide = who.chin + rng.uniform(0.15, 0.3), rng.uniform(1.7, 2.1)
    dip = rng.uniform(0.1, 0.5)
    right = [(0, collar + dip), (who.neck * 0.8, collar + 0.1), (who.neck * 1.12, collar - 0.06)]
    right += [(1.2, collar + 0.22), (wide, collar + 0.5), (wide + 0.2, 4), (0, 4)]
    return polygon(grid, np.array(right + [(-u, v) for u, v in reversed(right)]))


def _clothes(who: Identity, grid: Grid, rng: np.random.Generator) -> Image:
    u, v = grid.axes()
    image = filled(who.clothes, (grid.side, grid.side))
    kind = rng.integers(4)
    if kind:  # plain, stripes along either axis, or checks
        wave = np.sin(u * rng.uniform(8, 50)) * (kind != 2) + np.sin(v * rng.uniform(8, 50)) * (
            kind > 1
        )
        mix(image, rng.uniform(10, 240, 3), 0.7 * step(wave, -0.1, 0.1))
    folds = 0.1 * clouds(rng, (grid.side, grid.side), (4, 7), 2) - 0.08 * np.abs(u)
    image *= np.clip(1 + folds, 0.3, 1.3)
    return image
