"""Videos in files, cropped by the true one's face and laid beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.evaluation.case import Shown
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.task import SIZE, Target, Video
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.geometry.affine import transform
from avfuse.geometry.box import Box, crop, frame_to_crop
from avfuse.geometry.lips import lip_aperture, lip_shapes
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio
from avfuse.video.read import frames, probe

COPY = "copy first frame"

_ALIKE = 1  # pixels by which sides may differ: encoders make odd ones even
_SLACK = 2  # frames by which lengths may differ without a word


class Followed(NamedTuple):
    """A video's face, where it is seen.

    Attributes:
        crops: at 128².
        landmarks: in pixels of them.
        times: of the frames, in seconds.
        boxes: of every frame of the video; None where no face is.
    """

    crops: Video
    landmarks: Float[np.ndarray, "T 68 2"]
    times: Float[Tensor, "T"]
    boxes: Sequence[Box | None]


def compared(
    reference: Path,
    made: Mapping[str, Path],
    methods: Sequence[str],
    moving: Sequence[str] = (),
) -> Shown:
    """Lay videos beside the true one, by the face that the true one shows.

    Args:
        reference: what was filmed.
        made: videos by the names of their rows.
        methods: rows that are wanted.
        moving: those of them whose faces are elsewhere, and are followed by themselves.

    Raises:
        InputError: one cannot be read, or shows no face.
    """
    true = follow(reference)
    videos, notes = {}, []
    for name, path in made.items():
        boxes = follow(path).boxes if name in moving else true.boxes
        videos[name], note = _cropped(path, boxes, true.boxes)
        notes += [note] if note else []
    count = min([len(true.crops), *map(len, videos.values())])
    # The first frame is not compared: copying it would have 100 dB there.
    truth, landmarks = true.crops[1:count], true.landmarks[1:count]
    copy = np.repeat(true.crops[:1], len(truth), 0)
    aperture = lip_aperture(torch.from_numpy(lip_shapes(landmarks))).numpy()
    target = Target(truth, copy, landmarks, aperture, true.times[1:count], _sound(reference))
    rows = {TRUTH: truth, COPY: copy, **{name: v[1:count] for name, v in videos.items()}}
    asked = {name: video for name, video in rows.items() if name in methods}
    return Shown(target, asked, note="; ".join(dict.fromkeys(notes)))


def follow(path: Path) -> Followed:
    """Follow the largest face of a video.

    Raises:
        InputError: it cannot be read, or shows none.
    """
    crops, landmarks, times, boxes = [], [], [], list[Box | None]()
    for frame, face in OneFace(BuiltinTracker()).track(frames(path, exact=True)):
        seen = face is not None and face.landmarks is not None
        boxes.append(face.box if face is not None and seen else None)
        if face is not None and face.landmarks is not None:
            crops.append(crop(frame.image, face.box, SIZE))
            landmarks.append(transform(face.landmarks, frame_to_crop(face.box, SIZE)))
            times.append(frame.time)
    if len(times) < 2:
        raise InputError(f"{path}: no face found; give a video that shows one")
    return Followed(
        np.stack(crops),
        np.stack(landmarks).astype(np.float32),
        torch.tensor(times, dtype=torch.float64),
        boxes,
    )


def check_alike(made: Path, true: Path) -> None:
    """Refuse a video whose frames cannot be laid on the true one's.

    Raises:
        InputError: their sizes or rates differ.
    """
    one, other = probe(made), probe(true)
    if max(abs(one.width - other.width), abs(one.height - other.height)) > _ALIKE:
        raise InputError(
            f"{made} is {one.width}x{one.height}, the reference "
            f"{other.width}x{other.height}; scale one of them"
        )
    if abs(one.fps / other.fps - 1) > 0.01:
        raise InputError(
            f"{made} has {one.fps:.3g} frames a second, the reference {other.fps:.3g}; give both "
            f"the same"
        )


def _cropped(
    path: Path, boxes: Sequence[Box | None], true: Sequence[Box | None]
) -> tuple[Video, str]:
    """A video's crops where the true one shows a face, and what is to be said of its length."""
    crops, count, last = [], 0, next(box for box in boxes if box is not None)
    for number, frame in enumerate(frames(path, exact=True)):
        count += 1
        if number < len(true) and true[number] is not None:
            last = (boxes[number] if number < len(boxes) else None) or last
            crops.append(crop(frame.image, last, SIZE))
    if abs(count - len(true)) <= _SLACK:
        return np.stack(crops), ""
    return np.stack(crops), (
        f"{count} frames generated, {len(true)} true; what goes beyond the shorter is not compared"
    )


def _sound(path: Path) -> Float[Tensor, "80 steps"] | None:
    """The mel of a video's sound, or None where it has none that can be heard."""
    try:
        return mel_spectrogram(read_audio(path))
    except (InputError, ValueError):
        return None
