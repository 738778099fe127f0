"""What a method sees: crops of frames, and whom it meets before them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.choose import one_face
from avfuse.faces.tracker import Face
from avfuse.geometry.affine import transform
from avfuse.geometry.box import Box, crop, frame_to_crop, square_around
from avfuse.method import Method
from avfuse.sound.mel import mel_spectrogram, mel_windows
from avfuse.types import Seen
from avfuse.video.audio import read_audio
from avfuse.video.media import FilePath
from avfuse.video.read import TimedFrame, frames, probe

Tracked = tuple[TimedFrame, Face | None]
"""A frame, and the face in it that is to speak."""


class Search(NamedTuple):
    """How the face is found that is to speak.

    Attributes:
        faces: a backend: builtin, insightface or auto.
        face_index: which face, where there are several.
        box: where it is in every frame, in pixels; None looks for it.
    """

    faces: str = "builtin"
    face_index: int = 0
    box: tuple[float, float, float, float] | None = None


def look(method: Method, tracked: Sequence[Tracked], square: Box | None = None) -> Seen:
    """What a method sees of frames: crops, black where no face is.

    Args:
        method: says how large, and what of them.
        tracked: frames and faces.
        square: the library's, the same in every frame; None for that of each face.

    Raises:
        InputError: it needs landmarks, and a face has none.
    """
    size = method.size
    images = np.zeros((len(tracked), size, size, 3), np.uint8)
    points = np.full((len(tracked), 68, 2), np.nan, np.float32)
    for place, (frame, face) in enumerate(tracked):
        if face is None:
            continue
        box = (square or face.box).framed(method.framing)
        images[place] = crop(frame.image, box, size)
        if method.landmarks and face.landmarks is None:
            raise InputError(
                "this model moves a face by its landmarks, and none were read; give no --box, and "
                "a faces backend that reads landmarks"
            )
        if method.landmarks:
            points[place] = transform(np.asarray(face.landmarks), frame_to_crop(box, size))
    landmarks = torch.from_numpy(points) if method.landmarks else None
    return Seen(torch.from_numpy(images), landmarks)


class Met:
    """Whom a method meets: the first frames in a row that show the face.

    Args:
        method: how many, and what of them.
        face: video or photo.
        search: how the face is found.

    Attributes:
        info: of the video or photo.
        first: the first of these frames.
        face: in it.
        seen: the crops.
        heard: their sound; None for a photo, and where there is none.

    Raises:
        InputError: there are not so many and fewer will not do, or their landmarks are needed and
            not read.
    """

    def __init__(self, method: Method, face: FilePath, search: Search) -> None:
        self.info = probe(face)
        speaker = one_face(*search)
        tracked = speaker.track(frames(face, exact=True))
        found = _in_a_row(tracked, method.references)
        if not found:
            speaker.check_found(face)
        if len(found) < method.references and not method.fewer:
            raise InputError(
                f"{face}: shows the face in {len(found)} frames in a row, this model wants to see "
                f"{method.references}; give a longer video"
            )
        self.first, self.face = found[0]
        # What moves by itself needs a background that does not.
        square = square_around([face.box for _, face in found]) if method.whole else None
        self.seen = look(method, found, square)
        self.heard = None if self.info.is_photo else _heard(method, face, found)


def _in_a_row(tracked: Iterable[Tracked], count: int) -> Sequence[tuple[TimedFrame, Face]]:
    """The first so many frames in a row that show a face; the longest row where none has that."""
    row: list[tuple[TimedFrame, Face]] = []
    longest = row
    for frame, face in tracked:
        row = [] if face is None else [*row, (frame, face)]
        longest = max(longest, row, key=len)
        if len(longest) == count:
            break
    return longest


def _heard(
    method: Method, face: FilePath, found: Sequence[Tracked]
) -> Float[Tensor, "K M S"] | None:
    try:
        sound = read_audio(face)
    except InputError:  # a silent film
        return None
    if len(sound) <= method.hears.mel.fft // 2:
        return None
    times = torch.tensor([frame.time for frame, _ in found], dtype=torch.float64)
    return mel_windows(mel_spectrogram(sound, method.hears.mel), times, method.hears)
