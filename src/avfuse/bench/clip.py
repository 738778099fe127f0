"""A whole generation beside a plain decode and encode of the same clip."""

import itertools
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.geometry.box import Frame
from avfuse.method import Method
from avfuse.speaking.generate import generate
from avfuse.video.bounce import forth_and_back
from avfuse.video.read import probe
from avfuse.video.write import VideoWriter


class EndToEnd(NamedTuple):
    """What a clip takes.

    Attributes:
        frames: of the output.
        width: of them, in pixels.
        height: of them, in pixels.
        seconds: of the whole generation, the model loaded before.
        transcode_seconds: of decoding and encoding the same frames with the same sound.
        ratio: of the two.
        start_seconds: of it, those before the first frame.
        stages: milliseconds a frame of each other stage of it.
    """

    frames: int
    width: int
    height: int
    seconds: float
    transcode_seconds: float
    ratio: float
    start_seconds: float
    stages: dict[str, float]


def end_to_end(
    method: Method,
    face: Path,
    audio: Path,
    folder: Path,
    *,
    runner: str = "auto",
    rounds: int = 3,
    quiet: bool = False,
) -> EndToEnd:
    """Generate and transcode a clip in turns; the medians of both.

    Args:
        method: where it is to run.
        face: video with a face; a method that has one of its own does without.
        audio: file with sound.
        folder: where the outputs go.
        runner: name.
        rounds: how often each is timed.
        quiet: no progress bar.

    Raises:
        InputError: for input that cannot be used.
    """
    reports, plain = [], []
    shown = face if method.footage or method.references else None
    spoken = folder / "spoken.mp4"
    for _ in tqdm(range(rounds), desc="end to end", disable=quiet or None):
        reports.append(generate(shown, audio, spoken, model=method, runner=runner, quiet=True))
        start = time.perf_counter()
        transcode(face, audio, folder / "plain.mp4", reports[0].frames)
        plain.append(time.perf_counter() - start)
    stages = {
        stage: statistics.median(report.seconds[stage] for report in reports)
        for stage in reports[0].seconds
    }
    seconds = stages.pop("total")
    transcoded = statistics.median(plain)
    info, frames = probe(spoken), reports[0].frames
    return EndToEnd(
        frames,
        info.width,
        info.height,
        seconds,
        transcoded,
        seconds / transcoded,
        stages.pop("start"),
        {stage: 1000 * spent / frames for stage, spent in stages.items()},
    )


def transcode(face: Path, audio: Path, output: Path, frames: int) -> None:
    """Decode a video, forth and back, and encode it again with a sound.

    Args:
        face: video.
        audio: file with sound.
        output: video.
        frames: how many to write.

    Raises:
        InputError: for input that cannot be used.
    """
    info = probe(face)
    with VideoWriter(output, info.width, info.height, info.fps, audio) as writer:
        for frame in itertools.islice(forth_and_back(face, exact=True), frames):
            writer.write(frame.image, frame.time)


def film(path: Path, seconds: float, seed: int = 11) -> None:
    """Film a procedural face at 1280 x 720 pixels.

    Args:
        path: of the video.
        seconds: its length.
        seed: of the person.
    """
    clip = synthetic_clip(seed, seconds=seconds, size=360)
    with VideoWriter(path, 1280, 720, len(clip.times) / seconds) as writer:
        for image, shown in zip(_wide(clip), clip.times, strict=True):
            writer.write(image, float(shown))


def _wide(clip: SyntheticClip) -> Iterator[Frame]:
    """Frames of 16:9, one at a time: all of them at this size would weigh on the peak of memory."""
    for image in clip.frames:
        large = cv2.resize(image, (720, 720), interpolation=cv2.INTER_CUBIC)
        yield np.pad(large, ((0, 0), (280, 280), (0, 0)), "edge")
