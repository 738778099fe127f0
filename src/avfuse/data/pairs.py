"""Training pairs as the paper wants them: one person and pose, two moments' lips (IV-B).

The paper lets a teacher (Wav2Lip) re-voice real videos. Here the other lips are real ones: two
moments of a clip, alike in pose, are laid onto one another by eyes and nose, and the lower face of
the second is set into the first. Procedural clips need no transplant: the same face is rendered
twice.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float

from avfuse.data.clip import ClipFile
from avfuse.geometry.affine import compose, sample, similarity, transform
from avfuse.geometry.box import Box, box_from_landmarks, frame_to_crop
from avfuse.geometry.points import MIRRORED, Image, Points
from avfuse.types import SQUARE, Framing

# Two moments are of like pose if the head turned by less than this (degrees) between them, or by
# less than it did for all but this share of the clip: a restless head needs other lips too.
_ALIKE, _NEAREST = 4.0, 0.1


class Moment(NamedTuple):
    """Where and when to look: a clip and the number of a frame in it."""

    clip: ClipFile
    number: int


class Pair(NamedTuple):
    """V1 and V2 of one moment, with their landmarks in pixels of the crop."""

    image1: Image
    image2: Image
    landmarks1: Points
    landmarks2: Points


@runtime_checkable
class PairSource(Protocol):
    """Something that pairs can be drawn from; `moments` says whose sound belongs to which lips."""

    @property
    def clips(self) -> tuple[ClipFile, ...]:
        """What it draws from."""

    def moments(self, rng: np.random.Generator, length: int) -> list[tuple[Moment, Moment]]:
        """Choose `length` consecutive moments for V1's lips and V2's."""

    def pair(self, first: Moment, second: Moment, view: "View") -> Pair:
        """Make V1 and V2 of the two moments, seen through `view`."""


class View(NamedTuple):
    """A random way to look at a face, the same for both of a pair.

    Attributes:
        size: pixels a side.
        shift: of the box, in sides (x, y).
        scale: of the box.
        angle: in degrees.
        mirror: whether left and right change places.
        warp: smooth displacement in sides, (4, 4, 2) on a coarse grid: other face shapes.
        framing: the part of the box that is shown.
    """

    size: int
    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    angle: float = 0.0
    mirror: bool = False
    warp: Float[np.ndarray, "4 4 2"] | None = None
    framing: Framing = SQUARE

    @classmethod
    def random(cls, size: int, rng: np.random.Generator, strength: float = 1.0) -> "View":
        """Draw a view; strength 0 is the plain one."""
        warp = rng.normal(0, 0.035, (4, 4, 2)).astype(np.float32) * strength
        return cls(
            size,
            shift=tuple(rng.normal(0, 0.035, 2) * strength),
            scale=float(np.exp(rng.normal(0, 0.06) * strength)),
            angle=float(rng.normal(0, 7) * strength),
            mirror=bool(strength and rng.random() < 0.5),
            warp=warp if strength and rng.random() < 0.7 else None,
        )

    def matrix(self, landmarks: Points) -> Float[np.ndarray, "2 3"]:
        """From pixels of the clip to pixels of the view, before the warp."""
        box = box_from_landmarks(landmarks)
        half = box.side * self.scale / 2
        x = (box.x0 + box.x1) / 2 + self.shift[0] * box.side
        y = (box.y0 + box.y1) / 2 + self.shift[1] * box.side
        square = Box(x - half, y - half, x + half, y + half)
        upright = frame_to_crop(square.framed(self.framing), self.size)
        turn = cv2.getRotationMatrix2D(((self.size - 1) / 2,) * 2, self.angle, 1.0)
        matrix = compose(turn, upright)
        if self.mirror:
            matrix[0] = np.array([0, 0, self.size - 1]) - matrix[0]
        return matrix

    def grid(self) -> Float[np.ndarray, "size size 2"]:
        """Where each pixel of the view comes from, in pixels of the view before the warp."""
        axis = np.arange(self.size, dtype=np.float32)
        grid = np.stack(np.meshgrid(axis, axis), -1)
        return grid if self.warp is None else grid + self._displacement(self.warp)

    def _displacement(self, warp: Float[np.ndarray, "4 4 2"]) -> Float[np.ndarray, "size size 2"]:
        size = (self.size, self.size)
        return cv2.resize(warp, size, interpolation=cv2.INTER_CUBIC) * self.size

    def points(self, points: Points, matrix: Float[np.ndarray, "2 3"]) -> Points:
        """Carry points of the clip into the view."""
        straight = transform(points[MIRRORED] if self.mirror else points, matrix)
        if self.warp is None:
            return straight
        field, warped = self._displacement(self.warp), straight
        for _ in range(3):  # the warp says where a pixel comes from; invert it by fixed point
            columns, rows = warped.T.reshape(2, -1, 1).astype(np.float32)
            offset = cv2.remap(
                field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            warped = straight - offset[:, 0]
        return warped


class TransplantedMouths:
    """Pairs from one real clip: V2 is V1 with the lower face of another moment.

    Args:
        clip: where both moments come from.
    """

    def __init__(self, clip: ClipFile) -> None:
        self.clip, self.clips = clip, (clip,)

    def moments(self, rng: np.random.Generator, length: int) -> list[tuple[Moment, Moment]]:
        candidates = starts(self.clip.valid, length)
        a = int(rng.choice(candidates))
        b = int(rng.choice(self._alike(a, candidates)))
        return [(Moment(self.clip, a + i), Moment(self.clip, b + i)) for i in range(length)]

    def _alike(self, number: int, candidates: np.ndarray) -> np.ndarray:
        """Those that show the head from nearly the same side; roll is undone by the transplant."""
        sides = self.clip.sides
        angles = np.degrees(np.arccos(np.clip(sides[candidates] @ sides[number], -1, 1)))
        return candidates[angles <= max(_ALIKE, np.quantile(angles, _NEAREST))]

    def pair(self, first: Moment, second: Moment, view: View) -> Pair:
        clip, a, b = self.clip, first.number, second.number
        matrix = view.matrix(clip.landmarks[a])
        other = compose(matrix, similarity(clip.rigid[b], clip.rigid[a]))
        grid = view.grid()
        image1 = sample(clip.frame(a), matrix, grid)
        image_b = sample(clip.frame(b), other, grid)
        points1 = view.points(clip.landmarks[a], matrix)
        points_b = view.points(clip.landmarks[b], other)
        mask = lower_face(points1, points_b, view.size)[..., None]
        mixed = image1 + (image_b.astype(np.float32) - image1) * mask
        points2 = points1.copy()
        points2[3:14], points2[48:] = points_b[3:14], points_b[48:]
        return Pair(image1, mixed.round().astype(np.uint8), points1, points2)


class RenderedTwins:
    """Pairs from two renderings of one procedural face that say different things.

    Args:
        clip1: the face saying one thing.
        clip2: the same face, pose, light and background, saying another.
    """

    def __init__(self, clip1: ClipFile, clip2: ClipFile) -> None:
        self.clip1, self.clip2 = self.clips = clip1, clip2

    def moments(self, rng: np.random.Generator, length: int) -> list[tuple[Moment, Moment]]:
        start = int(rng.choice(starts(self.clip1.valid, length)))
        both = (self.clip1, self.clip2) if rng.random() < 0.5 else (self.clip2, self.clip1)
        return [(Moment(both[0], start + i), Moment(both[1], start + i)) for i in range(length)]

    def pair(self, first: Moment, second: Moment, view: View) -> Pair:
        matrix, grid = view.matrix(first.clip.landmarks[first.number]), view.grid()
        images = [sample(m.clip.frame(m.number), matrix, grid) for m in (first, second)]
        points = [view.points(m.clip.landmarks[m.number], matrix) for m in (first, second)]
        return Pair(images[0], images[1], points[0], points[1])


def lower_face(first: Points, second: Points, size: int) -> Float[np.ndarray, "size size"]:
    """Soft mask in [0, 1] over the lower face of both: below the nose, inside the jaw."""
    hull = cv2.convexHull(np.concatenate([p[[*range(3, 14), 31, 35]] for p in (first, second)]))
    centre = hull.mean(0)
    hull = centre + (hull - centre) * 0.94
    mask = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(mask, (hull * 16).round().astype(np.int32), 1.0, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), 0.02 * size)


def starts(valid: np.ndarray, length: int) -> np.ndarray:
    """Indices from which `length` consecutive frames are valid."""
    run = valid[: max(0, len(valid) - length + 1)]
    return run[valid[len(valid) - len(run) :] - run == length - 1]
