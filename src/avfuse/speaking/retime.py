"""Retiming: which of the footage's frames goes with which sound.

Everybody's Talkin' (Song et al., section 3.3.1) takes it from Suwajanakorn et al. 2017 (section on
video retiming): a head that rests where the speaker pauses, and no blink where speech is loud. The
paths go through the footage forth and back, at its own pace but where holding or skipping a frame
pays.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.faces.tracker import Face
from avfuse.geometry.eyes import CLOSED, eye_openness
from avfuse.sound.mel import mel_spectrogram, mel_windows

_HOLD = _SKIP = 0.3  # what it costs to show a frame twice, or to leave one out
_ABSENT = 5.0  # a frame that does not show the face
_PIECE = 750  # frames that are chosen at a time, to bound memory
_RIGID = slice(27, 48)  # nose and eyes
_HEARD = 16  # mel steps over which loudness is taken: 200 ms


class Sounding(NamedTuple):
    """What is heard at each moment, from 0 to 1.

    Attributes:
        pause: whether nothing is said.
        loud: how loud it is.
    """

    pause: Float[np.ndarray, "N"]
    loud: Float[np.ndarray, "N"]


class Showing(NamedTuple):
    """What each frame of the footage shows.

    Attributes:
        motion: how much the head moves, 1 for its usual pace.
        blink: whether the eyes are shut.
        absent: whether no face is there.
    """

    motion: Float[np.ndarray, "F"]
    blink: Float[np.ndarray, "F"]
    absent: Float[np.ndarray, "F"]


def retimed(sounding: Sounding, showing: Showing) -> Int[np.ndarray, "N"]:
    """Choose a frame for each moment, by dynamic programming.

    Least is the sum of pause · motion + loud · blink, of frames without a face, and of frames held
    or skipped. It may begin anywhere in the footage.

    Args:
        sounding: of N moments.
        showing: of F frames, at least one.

    Returns:
        Places in the footage's order forth and back (0 to F - 1, then back, then forth again);
        from one moment to the next they grow by 0, 1 or 2.
    """
    count = len(showing.motion)
    if count == 1:
        return np.zeros(len(sounding.pause), np.int64)
    begin, start, parts = np.arange(count), 0, []
    for first in range(0, len(sounding.pause), _PIECE):
        part = Sounding(*(x[first : first + _PIECE] for x in sounding))
        path = start + _cheapest(part, Showing(*(_bounced(x, start) for x in showing)), begin)
        parts.append(path)
        start, begin = int(path[-1]), np.array([1])
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _bounced(values: Float[np.ndarray, "F"], start: int) -> Float[np.ndarray, "_"]:
    """Values of the frames forth and back, from a place on, as far as one piece may go."""
    count = len(values)
    places = np.arange(start, start + count + 2 * _PIECE) % (2 * count - 2)
    return values[np.minimum(places, 2 * count - 2 - places)]


def _cheapest(
    sounding: Sounding, showing: Showing, begin: Int[np.ndarray, "_"]
) -> Int[np.ndarray, "N"]:
    """The path of one piece, which begins at one of some places."""
    total = np.full(len(showing.motion), np.inf)
    total[begin] = 0
    steps = np.zeros((len(sounding.pause), len(total)), np.int8)
    for moment, (pause, loud) in enumerate(zip(*sounding, strict=True)):
        if moment:
            ways = np.stack([total + _HOLD, _moved(total, 1), _moved(total, 2) + _SKIP])
            steps[moment] = ways.argmin(0)
            total = ways.min(0)
        total = total + pause * showing.motion + loud * showing.blink + _ABSENT * showing.absent
    path = [int(total.argmin())]
    for moment in range(len(steps) - 1, 0, -1):
        path.append(path[-1] - int(steps[moment, path[-1]]))
    return np.array(path[::-1])


def _moved(total: Float[np.ndarray, "E"], by: int) -> Float[np.ndarray, "E"]:
    return np.concatenate([np.full(by, np.inf), total[:-by]])


def what_sounds(waveform: Float[Tensor, "L"], fps: float) -> Sounding:
    """Pauses and loudness of a recording, a frame.

    Loudness goes from the level that a tenth of the moments are under to that of nine tenths; under
    a quarter of the way nothing is said.

    Args:
        waveform: 16 kHz mono.
        fps: frames a second.
    """
    mel = mel_spectrogram(waveform)
    count = round(len(waveform) / 16_000 * fps)
    times = torch.arange(count, dtype=torch.float64) / fps
    level = mel_windows(mel.mean(0, keepdim=True), times, _HEARD).mean((1, 2)).numpy()
    low, high = np.quantile(level, (0.1, 0.9)) if count else (0.0, 0.0)
    loud = np.clip((level - low) / max(high - low, 1e-3), 0, 1).astype(np.float64)
    return Sounding((loud < 0.25).astype(np.float64), loud)


def what_shows(faces: Iterable[Face | None]) -> Showing:
    """Motion and blinks of footage, by the faces in its frames."""
    found = list(faces)
    absent = np.array([face is None for face in found], np.float64)
    return Showing(_motion(found), _blinks(found), absent)


def _motion(faces: Sequence[Face | None]) -> Float[np.ndarray, "F"]:
    """How far eyes and nose go from a frame to the next, over what they usually do."""
    places = np.full((len(faces), 2), np.nan)
    for number, face in enumerate(faces):
        if face is not None:
            box, points = face.box, face.landmarks
            middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
            places[number] = (middle if points is None else points[_RIGID].mean(0)) / np.array(
                [box.side, box.side]
            )
    moved = np.linalg.norm(np.diff(places, axis=0), axis=1)
    moved = np.nan_to_num(np.concatenate([moved, moved[-1:]]) if len(moved) else np.zeros(1))
    usual = np.mean(moved) or 1.0
    return np.clip(moved / usual, 0, 3)


def _blinks(faces: Sequence[Face | None]) -> Float[np.ndarray, "F"]:
    points = np.full((len(faces), 68, 2), np.nan, np.float32)
    for number, face in enumerate(faces):
        if face is not None and face.landmarks is not None:
            points[number] = face.landmarks
    openness = eye_openness(torch.from_numpy(points)).numpy()
    if np.isnan(openness).all():
        return np.zeros(len(faces))
    return (openness < CLOSED * np.nanmedian(openness)).astype(np.float64)
