"""Landmarks of videos that nobody has labelled."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.video.read import frames


def track_landmarks(video: Path) -> Float[np.ndarray, "T 68 2"]:
    """Follow the largest face of a video with the shipped networks.

    Args:
        video: any that can be read.

    Returns:
        Its landmarks in every frame, in pixels of the video; NaN where it is not seen.

    Raises:
        InputError: if the video cannot be read.
    """
    missing = np.full((68, 2), np.nan, np.float32)
    found = []
    for _, face in OneFace(BuiltinTracker()).track(frames(video)):
        landmarks = None if face is None else face.landmarks
        found.append(missing if landmarks is None else landmarks)
    return np.stack(found).astype(np.float32)
