"""Everything at once with no data at all: a procedural face is filmed, and another voice speaks."""

import os
from pathlib import Path

import cv2
import numpy as np

from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.errors import InputError
from avfuse.speaking.generate import generate
from avfuse.video.audio import write_wav
from avfuse.video.picture import write_picture
from avfuse.video.read import frames
from avfuse.video.write import VideoWriter


def demo(
    directory: Path, *, seed: int = 11, seconds: float = 4.0, quiet: bool = False
) -> list[Path]:
    """Render a face and a speech, and make the face speak it.

    Args:
        directory: where the files go; made if it is not there.
        seed: which face and which words; not below 0.
        seconds: of speech.
        quiet: no progress bar.

    Returns:
        The face video, the speech, the speaking face, and a picture of frames before and after.

    Raises:
        InputError: if the directory cannot be written, or the seed is below 0.
    """
    if seed < 0:
        raise InputError(f"--seed {seed} is below 0; faces are counted from there")
    names = ("face.mp4", "speech.wav", "speaking.mp4", "frames.png")
    face, speech, speaking, sheet = (directory / name for name in names)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made ({error.strerror})") from error
    if not os.access(directory, os.W_OK):
        raise InputError(f"{directory} is not writable; choose another folder")
    _film(synthetic_clip(seed, seconds=seconds, size=384), face)
    heard = synthetic_clip(seed, speech_seed=seed + 1, seconds=seconds, size=64)
    write_wav(speech, heard.waveform)
    generate(face, speech, speaking, quiet=quiet)
    _compare(face, speaking, sheet)
    return [face, speech, speaking, sheet]


def _film(clip: SyntheticClip, path: Path) -> None:
    height, width = clip.frames.shape[1:3]
    with VideoWriter(path, width, height, float(1 / np.diff(clip.times).mean())) as writer:
        for image, time in zip(clip.frames, clip.times, strict=True):
            writer.write(image, float(time))


def _compare(before: Path, after: Path, sheet: Path, columns: int = 8, every: int = 6) -> None:
    """Frames of both videos, one above the other."""
    rows = []
    for path in (before, after):
        images = [
            frame.image for _, frame in zip(range(columns * every), frames(path), strict=False)
        ]
        rows.append(np.hstack(images[::every]))
    picture = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    write_picture(sheet, picture)
