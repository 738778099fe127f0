"""Who is shown: proportions and colours. Lengths are in half the face's width ("units")."""

from typing import NamedTuple

import numpy as np

Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 255."""

_SKINS = ((243, 208, 188), (228, 184, 156), (206, 156, 122), (160, 110, 80), (102, 68, 50))
_HAIRS = (
    *((22, 18, 17), (44, 30, 24), (74, 50, 34), (112, 78, 48)),
    *((184, 146, 94), (140, 66, 34), (148, 146, 144)),
)
_EYES = ((66, 42, 26), (94, 66, 38), (76, 110, 142), (86, 108, 72), (108, 116, 122))


class Identity(NamedTuple):
    """Proportions in units, the eyes' line at 0 and downwards positive; colours in RGB.

    `jaw` and `skull` are exponents of the outline: small is square. `hair_long` tells how far the
    hair comes down at the sides; `hairline` is the forehead's upper edge.
    """

    chin: float
    top: float
    jaw: float
    skull: float
    eye_x: float
    eye_width: float
    eye_height: float
    eye_slant: float
    brow_v: float
    brow_thick: float
    brow_arch: float
    nose_v: float
    nose_width: float
    nose_height: float
    mouth_v: float
    mouth_width: float
    mouth_corner: float
    upper_lip: float
    lower_lip: float
    opening: float
    cheeks: float
    ear: float
    neck: float
    hairline: float
    hair_long: float
    hair_volume: float
    hair_parting: float
    bald: bool
    beard: float
    moustache: float
    freckles: float
    age: float
    glasses: float
    skin: Colour
    lips: Colour
    hair: Colour
    brows: Colour
    eyes: Colour
    teeth: Colour
    clothes: Colour


def random_identity(rng: np.random.Generator) -> Identity:
    """Somebody new."""
    between = rng.uniform
    manly = rng.random() < 0.5
    skin = _mixed(rng, _SKINS)
    hair = tuple(np.array(_HAIRS[rng.integers(len(_HAIRS))]) * between(0.8, 1.15))
    bearded = manly and rng.random() < 0.4
    nose_v = between(0.6, 0.7)
    mouth_v = nose_v + between(0.29, 0.36)
    return Identity(
        chin=mouth_v + between(0.55, 0.7),
        top=between(-1.6, -1.45),
        jaw=between(0.62, 0.85) if manly else between(0.72, 0.95),
        skull=between(0.75, 0.95),
        eye_x=between(0.42, 0.48),
        eye_width=between(0.2, 0.235),
        eye_height=between(0.066, 0.095),
        eye_slant=between(-0.02, 0.04),
        brow_v=between(-0.36, -0.28),
        brow_thick=between(0.045, 0.075) if manly else between(0.025, 0.05),
        brow_arch=between(0.02, 0.09),
        nose_v=nose_v,
        nose_width=between(0.2, 0.29),
        nose_height=between(0.28, 0.42),
        mouth_v=mouth_v,
        mouth_width=between(0.32, 0.4),
        mouth_corner=between(-0.015, 0.02),
        upper_lip=between(0.05, 0.1),
        lower_lip=between(0.08, 0.14),
        opening=between(0.3, 0.4),
        cheeks=between(0.04, 0.14),
        ear=between(0.05, 0.13),
        neck=between(0.6, 0.75) if manly else between(0.48, 0.6),
        hairline=between(-1.15, -0.75),
        hair_long=between(-0.1, 0.5) if manly else between(0.2, 2.6),
        hair_volume=between(0.06, 0.22),
        hair_parting=between(-0.6, 0.6),
        bald=manly and rng.random() < 0.15,
        beard=between(0.25, 0.95) if bearded else 0.0,
        moustache=between(0.2, 0.9) if bearded or (manly and rng.random() < 0.1) else 0.0,
        freckles=max(0.0, between(-1, 0.8)),
        age=between(0, 1) ** 2,
        glasses=between(0.5, 1) if rng.random() < 0.2 else 0.0,
        skin=skin,
        lips=_lip_colour(rng, skin, manly),
        hair=_colour(hair),
        brows=_colour(np.array(hair) * 0.75),
        eyes=_colour(np.array(_EYES[rng.integers(len(_EYES))]) * between(0.8, 1.2)),
        teeth=_colour(np.array([238, 232, 216]) * between(0.85, 1.0)),
        clothes=_colour(rng.uniform(15, 235, 3)),
    )


def _lip_colour(rng: np.random.Generator, skin: Colour, manly: bool) -> Colour:
    natural = np.array(skin) * rng.uniform((0.82, 0.58, 0.58), (0.95, 0.76, 0.76))
    if manly or rng.random() < 0.6:
        return _colour(natural)
    stick = rng.uniform((120, 20, 35), (205, 80, 90))
    return _colour(natural + (stick - natural) * rng.uniform(0.3, 0.8))


def _mixed(rng: np.random.Generator, palette: tuple[tuple[int, int, int], ...]) -> Colour:
    """A colour between two neighbours of the palette, a little off."""
    place = rng.uniform(0, len(palette) - 1)
    index = int(place)
    first, second = np.array(palette[index]), np.array(palette[index + 1])
    return _colour((first + (second - first) * (place - index)) * rng.uniform(0.96, 1.04, 3))


def _colour(values: np.ndarray | tuple[float, ...]) -> Colour:
    red, green, blue = (float(min(max(value, 0), 250)) for value in values)
    return red, green, blue
