"""The shape of a head: outline, depth, jaw, and the landmarks that neither speak nor blink.

Everything is in units (half the face's width), u to the image's right, v down, the eyes' line at 0.
"""

import numpy as np
from jaxtyping import Float

from avfuse.data.synthetic.identity import Identity
from avfuse.data.synthetic.paint import bump, step

_EAR_V = 0.0  # where the face is widest


def inside(who: Identity, u: np.ndarray, v: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Above 0 inside the head's outline (1 at most), grown by `margin` units, below 0 outside."""
    below = (v - _EAR_V) / (who.chin + margin - _EAR_V)
    above = (v - _EAR_V) / (who.top - margin - _EAR_V)
    across = np.abs(u) / (1 + margin)
    jaw = across ** (2 / who.jaw) + np.maximum(below, 0) ** 2
    skull = across ** (2 / who.skull) + np.maximum(above, 0) ** 2
    return np.asarray(1 - np.where(v > _EAR_V, jaw, skull))


def depth(who: Identity, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Height of the skin towards the camera."""
    along = np.where(v > 0.2, (v - 0.2) / (who.chin - 0.2), (v - 0.2) / (who.top - 0.2))
    z = 0.95 * np.sqrt(np.maximum(1.15 - 0.92 * u * u - 0.55 * along * along, 0.03))
    return np.asarray(z + _nose(who, u, v) + _features(who, np.abs(u), v))


def _nose(who: Identity, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The ridge rises from between the eyes to the tip and falls off under it."""
    along = np.clip((v + 0.05) / (who.nose_v - 0.1), 0, 1.2)
    wide = 0.085 + 0.06 * along
    under = step(v, who.nose_v + 0.03, who.nose_v - 0.16)
    ridge = who.nose_height * along**1.3 * np.exp(-0.5 * (u / wide) ** 2) * under
    side = (who.nose_width - 0.06, who.nose_v - 0.08)
    wings = 0.12 * bump(np.abs(u), v, side, 0.06, 0.07)
    return np.asarray(ridge + wings)


def _features(who: Identity, side: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Brows, sockets, cheeks, philtrum, muzzle and chin; `side` is |u|."""
    z = 0.07 * bump(side, v, (0.4, who.brow_v + 0.05), 0.28, 0.09)
    z -= 0.13 * bump(side, v, (who.eye_x - 0.05, 0.02), 0.2, 0.13)
    z += 0.05 * bump(side, v, (who.eye_x, 0.0), 0.13, 0.09)
    z += who.cheeks * bump(side, v, (0.56, 0.45), 0.2, 0.22)
    z += 0.08 * bump(side, v, (0.0, who.mouth_v), 0.3, 0.2)
    z -= 0.02 * bump(side, v, (0.0, who.nose_v + 0.13), 0.035, 0.07)
    z -= 0.05 * bump(side, v, (0.0, who.mouth_v + 0.24), 0.2, 0.05)
    z += 0.09 * bump(side, v, (0.0, who.chin - 0.2), 0.2, 0.15)
    fold = 0.26 + 0.22 * (v - who.nose_v + 0.05) / 0.4
    reach = step(v, who.nose_v - 0.1, who.nose_v) * step(v, who.mouth_v + 0.15, who.mouth_v - 0.1)
    z -= (0.01 + 0.025 * who.age) * np.exp(-0.5 * ((side - fold) / 0.035) ** 2) * reach
    return np.asarray(z)


def jaw_share(who: Identity, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How much of the jaw's fall the skin takes part in: 0 above the mouth, 1 at the chin."""
    down = step(v, who.mouth_v - 0.2, who.mouth_v + 0.42)
    return np.asarray(down * step(np.abs(u), 1.08, 0.35))


def still_landmarks(who: Identity) -> Float[np.ndarray, "68 2"]:
    """Jaw (shut), brows and nose in place; eyes and lips zero, for those who draw them."""
    points = np.zeros((68, 2))
    points[:17] = _jaw(who)
    points[17:27] = brows(who).reshape(10, 2)
    points[27:36] = _nose_points(who)
    return points


def brows(who: Identity) -> Float[np.ndarray, "2 5 2"]:
    """The brows' middle lines, both from the image's left to its right."""
    t = np.linspace(0, 1, 5)
    u = 0.17 + 0.62 * t
    v = who.brow_v + 0.06 * t**2 - who.brow_arch * np.sin(np.pi * t**0.8)
    right = np.stack([u, v], 1)
    return np.stack([right[::-1] * [-1, 1], right])


def _jaw(who: Identity) -> Float[np.ndarray, "17 2"]:
    angle = np.linspace(0, np.pi, 17)
    u = -np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** who.jaw
    return np.stack([u, _EAR_V + (who.chin - _EAR_V) * np.sin(angle)], 1)


def _nose_points(who: Identity) -> Float[np.ndarray, "9 2"]:
    bridge = np.stack([np.zeros(4), np.linspace(0.03, who.nose_v - 0.13, 4)], 1)
    across = np.array([-1, -0.5, 0, 0.5, 1]) * (who.nose_width - 0.03)
    below = who.nose_v + np.array([-0.03, 0.005, 0.03, 0.005, -0.03])
    return np.concatenate([bridge, np.stack([across, below], 1)])
