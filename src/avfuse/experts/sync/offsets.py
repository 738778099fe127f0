"""How exact a clip's offset is: found as it is, and after its sound was moved by a known amount.

    python -m avfuse.experts.sync.offsets data --labels data/landmarks

prints a line for each speaker of a folder of videos, in Markdown; with `--clips` for each clip.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from avfuse.data.clip import Clip
from avfuse.data.offset import Offset, in_sync, offset
from avfuse.data.preprocess import cropped, source_clips
from avfuse.errors import InputError

MOVED = (-0.4, -0.2, -0.08, 0.08, 0.2, 0.4)
"""Seconds by which sound is moved."""


class Found(NamedTuple):
    """What is found of a clip.

    Attributes:
        speaker: the folder's name.
        clip: its name.
        seconds: how long it is.
        own: as it is; None where it is too short to tell.
        errors: of what is found after its sound was moved, in seconds.
        doubt: what is wrong with it, in words.
    """

    speaker: str
    clip: str
    seconds: float
    own: Offset | None
    errors: tuple[float, ...]
    doubt: str


def found(speaker: str, name: str, clip: Clip) -> Found:
    """Look at one clip, cropped."""
    own = offset(clip)
    moved = [] if own is None else [_error(clip, own, by) for by in MOVED]
    seconds = float(clip.times[-1] - clip.times[0])
    return Found(speaker, name, seconds, own, tuple(moved), in_sync(clip).doubt)


def _error(clip: Clip, own: Offset, by: float) -> float:
    moved = offset(clip._replace(times=clip.times - by))
    return float("nan") if moved is None else moved.late - own.late - by


def table(clips: Sequence[Found]) -> Iterator[str]:
    """A line for each speaker."""
    yield "| speaker | clips | late by, ms | spread | error where moved: median, worst | doubts |"
    yield "|---|---|---|---|---|---|"
    for speaker in dict.fromkeys(clip.speaker for clip in clips):
        own = [clip for clip in clips if clip.speaker == speaker]
        late = 1000 * np.array([clip.own.late for clip in own if clip.own is not None])
        errors = 1000 * np.abs([error for clip in own for error in clip.errors])
        spread = f"{late.std():.0f}" if len(late) > 1 else "–"
        doubts = sum(bool(clip.doubt) for clip in own)
        if len(late):
            yield (
                f"| {speaker} | {len(own)} | {late.mean():+.0f} | {spread} | "
                f"{np.median(errors):.1f}, {errors.max():.0f} | {doubts} |"
            )


def lines(clips: Sequence[Found]) -> Iterator[str]:
    """A line for each clip."""
    yield "| clip | seconds | sound late by, ms | confidence | doubt |"
    yield "|---|---|---|---|---|"
    for clip in clips:
        own = "too short | –" if clip.own is None else _in_words(clip.own)
        yield f"| {clip.speaker}/{clip.clip} | {clip.seconds:.1f} | {own} | {clip.doubt} |"


def _in_words(own: Offset) -> str:
    return f"{1000 * own.late:+.0f} | {own.confidence:.2f}"


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.sync.offsets")
    parser.add_argument("videos", type=Path, help="folder of videos, or one of them")
    parser.add_argument("--labels", type=Path, help="folder of landmarks, as for training")
    parser.add_argument("--clips", action="store_true", help="a line for each clip")
    options = parser.parse_args()
    clips = []
    for source in tqdm(
        source_clips(options.videos, options.labels, Path()), "looking", unit="clip"
    ):
        try:
            clips.append(found(source.clip.speaker, source.clip.name, cropped(source)))
        except InputError as error:
            tqdm.write(f"{source.video}: {error}")
    print("\n".join((lines if options.clips else table)(clips)))


if __name__ == "__main__":
    main()
