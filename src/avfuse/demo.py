"""Everything at once with no data at all: a procedural face is filmed, and another voice speaks.

Any method that a bundled model is of can speak: what it needs to be shown, it says by its facts.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.errors import InputError
from avfuse.method import methods
from avfuse.model_file import DEFAULT, bundled, load
from avfuse.speaking.generate import generate
from avfuse.video.audio import write_wav
from avfuse.video.picture import write_picture
from avfuse.video.read import frames
from avfuse.video.write import VideoWriter

_WIDTH = 1536  # pixels of the picture


def demo(
    directory: Path,
    *,
    method: str | None = None,
    seed: int = 11,
    seconds: float = 4.0,
    quiet: bool = False,
) -> list[Path]:
    """Render a face and a speech, and make the face speak it.

    Args:
        directory: where the files go; made if it is not there.
        method: whose bundled model speaks; None for the usual model's.
        seed: which face and which words; not below 0.
        seconds: of speech.
        quiet: no progress bar.

    Returns:
        The face video, the speech, the speaking face, and a picture of frames before and after;
        no face video for a method that has a face of its own.

    Raises:
        InputError: if the directory cannot be written, the seed is below 0, or no model of the
            method comes with the package.
    """
    if seed < 0:
        raise InputError(f"--seed {seed} is below 0; faces are counted from there")
    network = load(_model_of(method))
    shows = network.footage or network.references > 0
    names = ("face.mp4", "speech.wav", "speaking.mp4", "frames.png")
    face, speech, speaking, sheet = (directory / name for name in names)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{directory}: cannot be made ({error.strerror})") from error
    if not os.access(directory, os.W_OK):
        raise InputError(f"{directory} is not writable; choose another folder")
    if shows:
        _film(synthetic_clip(seed, seconds=seconds, size=384), face)
    heard = synthetic_clip(seed, speech_seed=seed + 1, seconds=seconds, size=64)
    write_wav(speech, heard.waveform)
    generate(face if shows else None, speech, speaking, model=network, quiet=quiet)
    filmed = [face] if shows else []
    _compare([*filmed, speaking], sheet)
    return [*filmed, speech, speaking, sheet]


def _model_of(method: str | None) -> str:
    """The bundled model of a method; the usual one, where that is its."""
    if method is None:
        return DEFAULT
    models = {model.name: model.method for model in bundled()}
    fitting = [name for name, whose in models.items() if whose == method]
    if not fitting:
        if method not in methods():
            raise InputError(f"method {method!r} is unknown; expected {', '.join(methods())}")
        there = ", ".join(f"{name} ({whose})" for name, whose in models.items()) or "none"
        raise InputError(f"no model of {method} comes with the package; bundled are {there}")
    return DEFAULT if DEFAULT in fitting else fitting[0]


def _film(clip: SyntheticClip, path: Path) -> None:
    height, width = clip.frames.shape[1:3]
    with VideoWriter(path, width, height, float(1 / np.diff(clip.times).mean())) as writer:
        for image, time in zip(clip.frames, clip.times, strict=True):
            writer.write(image, float(time))


def _compare(videos: Sequence[Path], sheet: Path, columns: int = 8, every: int = 6) -> None:
    """Frames of videos, one above the other."""
    rows = []
    for path in videos:
        images = [
            frame.image for _, frame in zip(range(columns * every), frames(path), strict=False)
        ]
        row = np.hstack(images[::every])
        size = _WIDTH, round(row.shape[0] * _WIDTH / row.shape[1])
        rows.append(cv2.resize(row, size, interpolation=cv2.INTER_AREA))
    write_picture(sheet, np.vstack(rows))
