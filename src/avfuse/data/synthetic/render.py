"""From layers to frames: drop the jaw, draw eyes and mouth, turn the head, lay it on the rest."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.data.synthetic.anatomy import jaw_share, still_landmarks
from avfuse.data.synthetic.camera import Camera, Frame
from avfuse.data.synthetic.eyes import Eye, draw_eye, eye_window
from avfuse.data.synthetic.head import paint_head
from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.mouth import Lips, draw_mouth, mouth_window
from avfuse.data.synthetic.paint import Grid, Image, Plane, mix
from avfuse.data.synthetic.pose import Pose, Turn
from avfuse.data.synthetic.scene import paint_background, paint_body

_SPAN = 4.0  # units that the canvases of head and body cover
_COARSE = 8  # canvas pixels between the points that the jaw's fall is solved at
_ROUNDS = 8  # of its fixed point; each at least halves the error

Layer = UInt8[np.ndarray, "H W 4"]
"""Colours and, last, cover."""


class Expression(NamedTuple):
    """Of one frame.

    Attributes:
        lids: 0 shut to 1 open.
        gaze: -1 to 1, right and down.
        lips: the mouth.
    """

    lids: float
    gaze: tuple[float, float]
    lips: Lips


class Renderer:
    """Draws one person in one place. No frame depends on those drawn before."""

    def __init__(self, who: Identity, size: int, rng: np.random.Generator) -> None:
        """Paint the layers for frames of size x size pixels."""
        self._who, self._size = who, size
        self._grid = Grid(2 * size, _SPAN)  # twice as fine as the frame
        self._head = paint_head(who, self._grid, rng)
        self._canvas = _layer(self._head.with_glasses(), self._head.cover)
        self._drawn = self._canvas.copy()  # jaw, mouth and eyes are drawn anew in each frame
        self._body = _layer(*paint_body(who, Grid(size, _SPAN), rng))
        self._background = np.dstack([*_bytes(paint_background(size, rng))])
        self._camera = Camera(size, rng)

    def frame(self, pose: Pose, expression: Expression, index: int) -> Frame:
        """Draw frame `index` (which tells the camera's noise)."""
        canvas = self._drawn
        self._drop_jaw(canvas, expression.lips.fall)
        self._draw_mouth(canvas, expression.lips)
        for side in (-1, 1):
            self._draw_eye(canvas, self._eye(side, expression))
        image = self._background.copy()
        below = slice(self._size // 3, None)  # nothing of the body lies higher
        image[below] = _lay_over(image[below], self._moved_body(pose, below.start))
        turn = Turn(self._head.relief, self._grid, pose)
        x, y = turn.sources(self._size)
        head = cv2.remap(canvas, x, y, cv2.INTER_LINEAR)
        return self._camera.take(_lay_over(image, np.asarray(head, np.uint8)), index)

    def landmarks(self, pose: Pose, expression: Expression) -> Float[np.ndarray, "68 2"]:
        """The 68 points of such a frame, in its pixels."""
        points = still_landmarks(self._who)
        points[:17, 1] += expression.lips.fall * jaw_share(self._who, *points[:17].T)
        points[36:42] = self._eye(-1, expression).landmarks()
        points[42:48] = self._eye(1, expression).landmarks()
        points[48:] = expression.lips.landmarks()
        return Turn(self._head.relief, self._grid, pose).project(points, self._size)

    def _eye(self, side: int, expression: Expression) -> Eye:
        return Eye(self._who, side, expression.lids, expression.gaze)

    def _draw_eye(self, canvas: Layer, eye: Eye) -> None:
        """From the bare skin, the glasses over it."""
        window = eye_window(self._grid, self._who, eye.side)
        image = self._head.image[:, *window].copy()
        draw_eye(image, self._head.light[window], self._grid, eye)
        if self._head.glasses is not None:
            frame, cover = self._head.glasses
            mix(image, frame[:, *window], cover[window])
        canvas[window][..., :3] = _bytes(image).transpose(1, 2, 0)

    def _draw_mouth(self, canvas: Layer, lips: Lips) -> None:
        window = mouth_window(self._grid, self._who)
        image = canvas[window][..., :3].transpose(2, 0, 1).astype(np.float32)
        draw_mouth(image, self._head.light[window], self._grid, lips)
        canvas[window][..., :3] = _bytes(image).transpose(1, 2, 0)

    def _drop_jaw(self, canvas: Layer, fall: float) -> None:
        """Pull the lower face down by `fall` units at the chin, in place."""
        who = self._who
        rows, columns = self._grid.window(-1.15, who.mouth_v - 0.3, 1.15, who.chin + 0.5)
        x, y = self._jaw_sources(rows, columns, fall)
        canvas[rows, columns] = cv2.remap(self._canvas, x, y, cv2.INTER_LINEAR)

    def _jaw_sources(self, rows: slice, columns: slice, fall: float) -> tuple[Plane, Plane]:
        """For each pixel of a part of the canvas, x and y of what it shows of the shut jaw."""
        height, width = rows.stop - rows.start, columns.stop - columns.start
        x = _knots(width)[None] + columns.start
        y = _knots(height)[:, None] + rows.start
        half = (self._grid.side - 1) / 2
        u, v = (x - half) / self._grid.per_unit, (y - half) / self._grid.per_unit
        v = v + Grid.CENTRE_V
        source = v
        for _ in range(_ROUNDS):
            source = v - fall * jaw_share(self._who, u, source)
        y = y + (source - v) * self._grid.per_unit
        x = np.broadcast_to(x, y.shape)
        size = (width, height)
        planes = (cv2.resize(plane.astype(np.float32), size) for plane in (x, y))
        across, down = (np.asarray(plane) for plane in planes)
        return across, down

    def _moved_body(self, pose: Pose, top: int) -> Layer:
        """From row `top` down. The shoulders follow the head's place, and a third of its roll."""
        follow = pose._replace(roll=pose.roll / 3, shift=(0.7 * pose.shift[0], pose.shift[1]))
        affine = follow.to_frame(self._size)
        per_unit, half = self._size / _SPAN, (self._size - 1) / 2
        affine[:, :2] /= per_unit
        affine[:, 2] -= affine[:, :2] @ [half, half]
        affine[1, 2] -= top
        size = (self._size, self._size - top)
        moved = cv2.warpAffine(self._body, affine, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


def _knots(length: int) -> Float[np.ndarray, "K"]:
    """Places that a resize to `length` interpolates between."""
    count = -(-length // _COARSE)
    return np.asarray((np.arange(count) + 0.5) * length / count - 0.5)


def _bytes(image: np.ndarray) -> UInt8[np.ndarray, "..."]:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)


def _layer(image: Image, cover: Plane) -> Layer:
    return np.dstack([*_bytes(image), _bytes(255 * cover)])


def _lay_over(image: Frame, layer: Layer) -> Frame:
    weight = np.multiply(layer[..., 3], 1 / 255, dtype=np.float32)
    colours = cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.blendLinear(colours, image, weight, 1 - weight), np.uint8)
