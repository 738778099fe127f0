"""Upright grey pictures of a mouth, held still while the head moves: what the sync expert sees."""

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from avfuse.errors import InputError
from avfuse.geometry.affine import compose, similarity, transform
from avfuse.geometry.box import Frame
from avfuse.geometry.lips import smooth

SIZE = 48
"""Pixels a side of what the expert sees."""

RATE = 25.0
"""Frames a second that it sees; one frame of an offset is 40 ms."""

_RIGID = slice(27, 48)
"""Nose and eyes: what speaking does not move."""

# The picture in units of d, the distance from the eyes' centre to the mouth corners' centre: from
# under the nose to under the chin.
_SIDE, _BELOW = 1.3, 0.15


def frames_at_rate(times: Float[np.ndarray, "F"]) -> Int[np.ndarray, "T"]:
    """The frames nearest to the ticks of `RATE`, by number; a frame may be taken twice.

    Args:
        times: when each frame is shown, in seconds, rising.
    """
    count = int(float(times[-1] - times[0]) * RATE + 0.25) + 1  # timestamps are rounded
    ticks = times[0] + np.arange(count) / RATE
    return np.searchsorted((times[1:] + times[:-1]) / 2, ticks)


def mouth_crops(
    frames: Iterable[Frame], landmarks: Float[np.ndarray, "T 68 2"], room: int = 0
) -> UInt8[np.ndarray, "T side side"]:
    """Cut the mouth out of each frame of one face.

    Eyes and nose, smoothed over five frames, are laid onto those of the middle frame by a
    similarity; one upright square around the clip's mean mouth then serves for all frames, so lips
    and jaw move in it and the head does not.

    Args:
        frames: upright RGB of any size.
        landmarks: of each frame, in its pixels; NaN where no face was found, which is bridged.
        room: pixels more on each side, for random views.

    Returns:
        Grey pictures of side `SIZE` + 2 `room`.

    Raises:
        InputError: if no frame has landmarks.
    """
    points = _bridged(landmarks)
    rigid = smooth(points[:, _RIGID])
    to_middle = [similarity(shape, rigid[len(rigid) // 2]) for shape in rigid]
    corners = zip(points[:, [48, 54]], to_middle, strict=True)
    mouth = np.mean([transform(pair, matrix) for pair, matrix in corners], (0, 1))
    upright = _upright(rigid[len(rigid) // 2], mouth, room)
    side = SIZE + 2 * room
    matrices = (compose(upright, matrix) for matrix in to_middle)
    return np.stack([_cut(f, m, side) for f, m in zip(frames, matrices, strict=True)])


def _upright(
    rigid: Float[np.ndarray, "21 2"], mouth: Float[np.ndarray, "2"], room: int
) -> Float[np.ndarray, "2 3"]:
    """From pixels of the middle frame to pixels of the picture."""
    left, right = rigid[9:15].mean(0), rigid[15:21].mean(0)
    unit = float(np.linalg.norm(mouth - (left + right) / 2))
    across = (right - left) / np.linalg.norm(right - left)
    down = np.array([-across[1], across[0]])
    turn = np.stack([across, down]) * (SIZE / (_SIDE * unit))
    middle = (SIZE - 1) / 2 + room
    centre = mouth + _BELOW * unit * down
    return np.column_stack([turn, middle - turn @ centre])


def _cut(
    frame: Frame, matrix: Float[np.ndarray, "2 3"], side: int
) -> UInt8[np.ndarray, "side side"]:
    scale = float(np.hypot(*matrix[:, 0]))
    if scale < 1:  # average first, or thin lines alias
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        # A pixel's centre lies half a pixel from its edge, in either scale.
        grown = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5]])
        matrix = compose(matrix, grown)
    crop = cv2.warpAffine(frame, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)


def _bridged(landmarks: Float[np.ndarray, "T 68 2"]) -> Float[np.ndarray, "T 68 2"]:
    """Missing faces by straight lines between their neighbours in time."""
    flat = landmarks.reshape(len(landmarks), -1)
    seen = ~np.isnan(flat).any(1)
    if not seen.any():
        raise InputError("no frame has landmarks, so there is no mouth to look at; label the face")
    at = np.arange(len(flat))
    bridged = [np.interp(at, at[seen], column[seen]) for column in flat.T]
    return np.stack(bridged, 1).reshape(landmarks.shape).astype(np.float32)
