"""How a head moves and where the eyes look, frame by frame; speech has no part in it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Motion(NamedTuple):
    """One value a frame.

    Attributes:
        shift: of the head's centre from the frame's, in frame widths, (T, 2).
        scale: of the head, 1 for a face half as wide as the frame, (T,).
        roll: clockwise, radians, (T,).
        yaw: to the image's right, radians, (T,).
        pitch: downwards, radians, (T,).
        lids: 0 shut to 1 open, (T,).
        gaze: of the eyes, -1 to 1 right and down, (T, 2).
    """

    shift: Float[np.ndarray, "T 2"]
    scale: Float[np.ndarray, "T"]
    roll: Float[np.ndarray, "T"]
    yaw: Float[np.ndarray, "T"]
    pitch: Float[np.ndarray, "T"]
    lids: Float[np.ndarray, "T"]
    gaze: Float[np.ndarray, "T 2"]


def random_motion(rng: np.random.Generator, times: Float[np.ndarray, "T"]) -> Motion:
    """A sitter who keeps roughly still; `times` in seconds."""
    lively = rng.uniform(0.2, 1)

    def around(centre: float, reach: float) -> Float[np.ndarray, "T"]:
        return centre + lively * reach * _drift(rng, times)

    shift = [around(rng.uniform(-0.04, 0.04), 0.02), around(rng.uniform(-0.01, 0.04), 0.012)]
    return Motion(
        shift=np.stack(shift, 1),
        scale=around(rng.uniform(0.86, 1.06), 0.02),
        roll=around(rng.uniform(-0.09, 0.09), 0.03),
        yaw=around(rng.uniform(-0.16, 0.16), 0.05),
        pitch=around(rng.uniform(-0.07, 0.07), 0.04),
        lids=_lids(rng, times),
        gaze=_gaze(rng, times),
    )


def _drift(rng: np.random.Generator, times: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Slow smooth noise within ±1: three sines of 0.1 to 0.8 Hz."""
    hertz = rng.uniform([0.1, 0.2, 0.4], [0.2, 0.4, 0.8])
    phase = rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * np.outer(times, hertz) + phase)
    return np.asarray(waves @ np.array([0.5, 0.3, 0.2]))


def _lids(rng: np.random.Generator, times: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T"]:
    """Blinks of a fifth of a second, every two to five seconds."""
    last = float(times.max(initial=0))
    blinks = np.cumsum(rng.uniform(2, 5, int(last / 2) + 2)) - rng.uniform(0, 3)
    width = rng.uniform(0.05, 0.075)
    closed = np.exp(-(((times[:, None] - blinks) / width) ** 4)).max(1)
    return np.asarray(rng.uniform(0.8, 1.0) * (1 - closed))


def _gaze(rng: np.random.Generator, times: Float[np.ndarray, "T"]) -> Float[np.ndarray, "T 2"]:
    """Jumps between points near the camera."""
    last = float(times.max(initial=0))
    jumps = np.cumsum(rng.uniform(0.5, 2.5, int(last / 0.5) + 2))
    points = rng.normal(0, [0.35, 0.15], (len(jumps) + 1, 2)).clip(-1, 1)
    return np.asarray(points[np.searchsorted(jumps, times)])
