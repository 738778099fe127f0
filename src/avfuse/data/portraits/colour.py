"""Colours that might be a person's, for grey portraits and for what is seen in their mouths."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avfuse.geometry import dense
from avfuse.geometry.box import Frame
from avfuse.geometry.points import Points

# A grey level g becomes (g^r, g^g, g^b), anything from the one to the other: skin.
_SKIN = np.array([[0.60, 1.02, 1.35], [0.80, 1.12, 1.50]])
_GREY = 0.15  # of the portraits stay so
_RED = 0.25  # of green and blue that lips may lack
_LIGHT = (0.5, 2.0)  # how much darker or brighter the inside of a mouth may become
_DEEP = 1.3  # how much more of the lips' colour than themselves the dark of a mouth has
_WHITE = 0.8  # how much less of that the brightest teeth have

Colour = Float[np.ndarray, "3"]
Ring = Float[np.ndarray, "_ 2"]


def tinted(
    grey: UInt8[np.ndarray, "H W"], points: Points, rng: np.random.Generator
) -> UInt8[np.ndarray, "H W 3"]:
    """Give a grey portrait colours: those of skin, the lips redder. Some stay grey.

    Every level of grey becomes one colour; black and white stay, and brighter remains brighter.

    Args:
        grey: the picture.
        points: dense ones, in its pixels.
        rng: of the colours.
    """
    strength = 0.0 if rng.random() < _GREY else rng.uniform(0.4, 1.0)
    powers = 1 + strength * (_SKIN[0] + rng.random() * (_SKIN[1] - _SKIN[0]) - 1)
    levels = 255 * (np.arange(256) / 255)[:, None, None] ** powers
    picture = cv2.LUT(cv2.merge([grey] * 3), levels.round().astype(np.uint8))
    mask = lip_mask(points[dense.OUTER_LIPS], points[dense.INNER_LIPS], *grey.shape)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None] / 255
    picture[..., 1:] = picture[..., 1:] * (1 - strength * rng.uniform(0, _RED) * soft)
    return picture


def lip_mask(
    outer: Ring, inner: Ring, height: int, width: int
) -> UInt8[np.ndarray, "{height} {width}"]:
    """255 on the lips, between their outer and inner edge; 0 elsewhere."""
    mask = np.zeros((height, width), np.uint8)
    for ring, value in ((outer, 255), (inner, 0)):
        cv2.fillPoly(mask, [(ring * 16).round().astype(np.int32)], value, cv2.LINE_AA, 4)
    return mask


def lip_colour(picture: Frame, outer: Ring, inner: Ring) -> Colour:
    """The mean colour of lips, from their edges in pixels of the picture."""
    mask = lip_mask(outer, inner, *picture.shape[:2])
    return np.asarray(cv2.mean(picture, mask)[:3])


def recoloured(picture: Frame, lips: Colour, wanted: Colour) -> Frame:
    """The inside of a mouth as it would look between other lips.

    It becomes as bright, beside its lips, as it was; what is dark takes on their colour, and what
    is bright, which is teeth, the less of it.

    Args:
        picture: of a mouth.
        lips: their colour in it.
        wanted: that of the lips that it is to lie between.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    levels = np.arange(256) * np.clip(wanted.mean() / max(lips.mean(), 1), *_LIGHT)
    levels = levels.clip(0, 255)[:, None]
    tint = (wanted / max(wanted.mean(), 1)) ** _DEEP
    colours = levels * (tint + _WHITE * levels / 255 * (1 - tint))
    table = colours.clip(0, 255).round().astype(np.uint8)[:, None]
    return np.asarray(cv2.LUT(cv2.merge([grey] * 3), table))
