"""Pairs of a portrait that says what clips of other people say."""

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import Moment, Pair, View, starts
from avfuse.data.portraits.colour import Colour, lip_colour, recoloured
from avfuse.data.portraits.driver import Driver
from avfuse.data.portraits.portrait import Portrait
from avfuse.data.portraits.shape import Rest, rest_of
from avfuse.data.portraits.warp import Inside, redrawn
from avfuse.geometry import dense
from avfuse.geometry.affine import sample
from avfuse.geometry.box import Frame
from avfuse.geometry.points import Points

_RESTING = 0.2  # of the pairs: wide open, and at rest in a silent room
_ROOM = 3  # pixels kept around the lips of a clip
_OUTER = slice(48, 60)  # of the 68 points

Part = UInt8[np.ndarray, "_ _ 3"]


class DrivenPortrait:
    """Pairs from one portrait: the same picture, its lips those of two moments of a clip.

    The paper's own scheme (IV-B), any person and any recording, without a teacher: lips and jaw
    are moved by a warp, and between the lips lies what the clip shows there. In some of the pairs
    V1 is wide open and V2 rests while nobody speaks.

    Args:
        portrait: whose face it is.
        drivers: clips that it is driven by.
        shares: how often each is drawn, relative.
    """

    def __init__(
        self, portrait: Portrait, drivers: Sequence[Driver], shares: Sequence[float]
    ) -> None:
        self.portrait, self.drivers = portrait, tuple(drivers)
        self.chances = np.asarray(shares, np.float64) / np.sum(shares)

    @property
    def clips(self) -> tuple[ClipFile, ...]:
        """The drivers."""
        return self.drivers

    @functools.cached_property
    def rest(self) -> Rest:
        """Its face with the lips closed."""
        return rest_of(self.portrait.points)

    def moments(self, rng: np.random.Generator, length: int) -> list[tuple[Moment, Moment]]:
        driver = self.drivers[rng.choice(len(self.drivers), p=self.chances)]
        if rng.random() < _RESTING:
            a, b, other = int(rng.choice(driver.wide_open(length))), 0, driver.silent(rng, length)
        else:
            a, b = (int(start) for start in rng.choice(starts(driver.valid, length), 2))
            other = driver
        return [(Moment(driver, a + i), Moment(other, b + i)) for i in range(length)]

    def pair(self, first: Moment, second: Moment, view: View) -> Pair:
        images, landmarks = self.frames([first, second])
        matrix, grid = view.matrix(landmarks[0]), view.grid()
        pictures = [sample(image, matrix, grid) for image in images]
        return Pair(*pictures, *(view.points(points, matrix) for points in landmarks))

    def frames(
        self, moments: Sequence[Moment]
    ) -> tuple[UInt8[np.ndarray, "N H W 3"], Float[np.ndarray, "N 68 2"]]:
        """The portrait at N moments of its drivers, and its landmarks there."""
        picture, points = self.portrait.picture(), self.portrait.points
        flat = points[:, :2]
        lips = lip_colour(picture, flat[dense.OUTER_LIPS], flat[dense.INNER_LIPS])
        targets = [self.rest.driven(_driver(m).motion.moved(m.number)) for m in moments]
        landmarks = dense.landmarks_of(np.stack(targets))[..., :2].astype(np.float32)
        insides = [_inside(m, own, lips) for m, own in zip(moments, landmarks, strict=True)]
        return redrawn(picture, points, targets, insides), landmarks


def _driver(moment: Moment) -> Driver:
    assert isinstance(moment.clip, Driver)
    return moment.clip


def _inside(moment: Moment, own: Points, lips: Colour) -> Inside:
    """What a clip shows between its lips, in the size and the colours of others.

    Args:
        moment: of the clip.
        own: the 68 points of the face that it is drawn in.
        lips: their colour there.
    """
    driver, number = _driver(moment), moment.number
    inner, outer = driver.motion.inner[number].numpy(), driver.landmarks[number, _OUTER]
    picture, corner = _around(driver.frame(number), outer)
    wide, wanted = (float(np.ptp(points[:, 0])) for points in (outer, own[_OUTER]))
    picture, scale = _averaged(picture, wanted / wide)
    outer, inner = (scale * (points - corner + 0.5) - 0.5 for points in (outer, inner))
    return Inside(recoloured(picture, lip_colour(picture, outer, inner), lips), inner)


def _around(frame: Frame, points: Points) -> tuple[Part, Float[np.ndarray, "2"]]:
    """The part of a frame around points, and its corner."""
    last = np.array(frame.shape[1::-1]) - 1
    low = np.clip(np.floor(points.min(0)) - _ROOM, 0, last).astype(int)
    high = np.maximum(np.ceil(points.max(0)) + _ROOM + 1, low + 1).astype(int)
    return np.ascontiguousarray(frame[low[1] : high[1], low[0] : high[0]]), low.astype(np.float32)


def _averaged(picture: Part, scale: float) -> tuple[Part, Float[np.ndarray, "2"]]:
    """A picture made smaller, and by how much across and down; larger it is left as it is."""
    if scale >= 1:
        return picture, np.ones(2, np.float32)
    height, width = (max(1, round(scale * side)) for side in picture.shape[:2])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return small, np.array([width / picture.shape[1], height / picture.shape[0]], np.float32)
