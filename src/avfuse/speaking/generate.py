"""The whole generation, top to bottom: the paper's Figure 3 and IV-D.

read -> faces -> features(sound, face) -> fusion -> generator -> blend -> paste -> write
"""

import itertools
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Never, TypeVar

from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.faces.choose import one_face
from avfuse.faces.gaps import Gaps
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.model_file import DEFAULT
from avfuse.runtime.choose import runner_named
from avfuse.runtime.device import network_on
from avfuse.sound.feed import MelFeed
from avfuse.speaking.overlap import ahead
from avfuse.speaking.speech import CHUNK, INSTANT, Speech, Tracked
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.video.audio import duration, mono_blocks
from avfuse.video.bounce import forth_and_back
from avfuse.video.read import VideoInfo, probe
from avfuse.video.write import VideoWriter

FilePath = str | os.PathLike[str]
T = TypeVar("T")

_DECODED, _SPOKEN = 2, 4  # frames that wait for the stage behind, at most


@dataclass(frozen=True)
class Report:
    """What a generation did.

    Attributes:
        frames: frames written.
        frames_with_face: frames whose face was made to speak.
        frames_without_face: frames that were left as they are.
        without_face: start and end, in seconds, of each stretch of them.
        fps: frames a second of the output.
        seconds: `total` that passed, and those for which each stage was at work: `start`,
            `decode`, `faces`, `sound`, `prepare`, `generator`, `paste`, `encode`. Stages overlap,
            so together they may be more than the total; waiting for each other does not count.
        model: name or path.
        device: what it ran on.
        runner: how the network ran.
    """

    frames: int
    frames_with_face: int
    frames_without_face: int
    without_face: list[tuple[float, float]]
    fps: float
    seconds: dict[str, float]
    model: str
    device: str
    runner: str


def generate(
    face: FilePath,
    audio: FilePath,
    output: FilePath,
    *,
    model: FilePath | Generator = DEFAULT,
    device: str = "auto",
    runner: str = "auto",
    faces: str = "builtin",
    face_index: int = 0,
    box: tuple[float, float, float, float] | None = None,
    mouth_only: bool = False,
    quiet: bool = False,
) -> Report:
    """Make the face of a video or photo speak.

    Frame size, frame rate and timestamps stay the face video's (an odd side grows by one pixel);
    the output is as long as the sound, the face video running forth and back when it is shorter.
    Memory does not grow with the length.

    Args:
        face: video or photo with a face.
        audio: any file with sound.
        output: the video to write, H.264 and AAC; appears whole or not at all.
        model: a bundled model's name, a model file, or a loaded model.
        device: auto, cpu or cuda; auto leaves a loaded model where it is.
        runner: how the network runs, as of `runner_named`.
        faces: what looks for faces: builtin, insightface, or auto, which is insightface where its
            models are on the disk already.
        face_index: which face speaks where there are several; 0 is the one that is largest when it
            is first seen. It is kept while it is seen, whoever joins it.
        box: x0, y0, x1, y1 around the face in pixels, in every frame; None looks for the face.
        mouth_only: nothing outside mouth and chin changes, whatever the attention mask says, as of
            [`mouth_mask`][avfuse.geometry.mouth_mask.mouth_mask]; needs a face that was looked for.
        quiet: no progress bar.

    Returns:
        What was done.

    Raises:
        InputError: for input that cannot be used, in one line.
    """
    _keep_inputs(output, face, audio)
    if mouth_only and box is not None:
        raise InputError("a box does not say where the mouth is; give either a box or mouth only")
    begun = time.perf_counter()
    watch = Stopwatch()
    with watch.stage("start"):
        network = network_on(model, device)
        ready = runner_named(runner, network)
        info, length = probe(face), duration(audio)
        if length <= INSTANT:
            raise InputError(f"{audio}: only {1000 * length:.2f} ms of sound; give a longer one")
        speaker = one_face(faces, face_index, box)
        sound = MelFeed(mono_blocks(audio), network.audio.steps)
        speech = Speech(ready, network.size, watch, mouth_only)
        writer = VideoWriter(output, info.width, info.height, info.fps, audio, like=info)
    written = with_face = 0
    gaps = Gaps()

    def overlapped(items: Iterable[T], stage: str | None, depth: int) -> Iterator[T]:
        """What a stage makes, made ahead of whoever takes it; waiting for it is no work."""
        made = items if stage is None else watch.through(stage, items)
        return watch.through(None, stages.enter_context(ahead(made, depth)))

    # Decoding, looking for faces, speaking and encoding run at the same time. Whatever no stage
    # inside claims is encoding, the file's completion included.
    with (
        watch.stage("encode"),
        writer,
        ExitStack() as stages,
        _progress(info, length, quiet) as bar,
    ):
        frames = overlapped(forth_and_back(face, exact=True), "decode", _DECODED)
        # Cut behind the tracker, which looks ahead: the footage goes on where the sound ends.
        tracked = overlapped(_until(length, speaker.track(frames)), "faces", CHUNK)
        for frame, spoken in overlapped(speech.frames(tracked, sound), None, _SPOKEN):
            writer.write(frame.image, frame.time)
            written, with_face = written + 1, with_face + spoken
            gaps.add(frame.time, has_face=spoken)
            bar.update()
            if frame.time > info.duration:  # the whole video was seen
                speaker.check_found(face)
        speaker.check_found(face)
    seconds = {"total": time.perf_counter() - begun, **watch.seconds}
    name = "given" if isinstance(model, Generator) else str(model)
    used = next(network.parameters()).device.type
    silent = gaps.spans(frame.time + 1 / info.fps)
    return Report(
        written, with_face, written - with_face, silent, info.fps, seconds, name, used, ready.name
    )


def _until(end: float, tracked: Iterable[Tracked]) -> Iterator[Tracked]:
    return itertools.takewhile(lambda item: item[0].time < end - INSTANT, tracked)


def _keep_inputs(output: FilePath, *inputs: FilePath) -> None:
    for path in map(Path, inputs):
        with suppress(OSError):  # one of them is not there
            if path.samefile(output):
                raise InputError(f"{output} is an input too; give the output another name")


def _progress(info: VideoInfo, length: float, quiet: bool) -> "tqdm[Never]":
    # None: shown on a terminal only, so that logs stay clean
    return tqdm(
        total=round(length * info.fps), desc="speaking", unit="frame", disable=quiet or None
    )
