"""The whole generation, top to bottom: the paper's Figure 3 and IV-D.

read -> faces -> hear and see -> prepare -> draw -> paste -> write
"""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Never, TypeVar

from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.faces.gaps import Gaps
from avfuse.method import Method
from avfuse.model_file import DEFAULT
from avfuse.runtime.choose import runner_named
from avfuse.runtime.device import method_on
from avfuse.runtime.speaker import Speaker
from avfuse.sound.feed import MelFeed
from avfuse.speaking.overlap import ahead
from avfuse.speaking.scene import INSTANT, scene
from avfuse.speaking.seen import Search, Tracked
from avfuse.speaking.speech import CHUNK, Speech
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.video.audio import AudioReader, duration, mono_blocks, origin_of
from avfuse.video.media import FilePath
from avfuse.video.paste import Blending
from avfuse.video.write import VideoWriter

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
    face: FilePath | None,
    audio: FilePath,
    output: FilePath,
    *,
    model: FilePath | Method = DEFAULT,
    options: Mapping[str, Any] = MappingProxyType({}),
    device: str = "auto",
    runner: str = "auto",
    faces: str = "builtin",
    face_index: int = 0,
    box: tuple[float, float, float, float] | None = None,
    mouth_only: bool = False,
    blending: Blending = "direct",
    retime: bool = False,
    quiet: bool = False,
) -> Report:
    """Make the face of a video or photo speak.

    Frame size, frame rate and timestamps stay the face video's (an odd side grows by one pixel);
    the output is as long as the sound, the face video running forth and back when it is shorter.
    A method that needs no footage shows the first picture of the face all the time, or makes whole
    frames of its own. Memory does not grow with the length.

    Args:
        face: video or photo with a face; None for a model that has a face of its own.
        audio: any file with sound.
        output: the video to write, H.264 and AAC; appears whole or not at all.
        model: a bundled model's name, a model file, or a loaded model.
        options: of the model, where they are to be other than its own: those that shape no weight.
        device: auto, cpu or cuda; auto leaves a loaded model where it is.
        runner: how the network runs, as of `runner_named`.
        faces: what looks for faces: builtin, insightface, or auto, which is insightface where its
            models are on the disk already.
        face_index: which face speaks where there are several; 0 is the one that is largest when it
            is first seen. It is kept while it is seen, whoever joins it.
        box: x0, y0, x1, y1 around the face in pixels, in every frame; None looks for the face.
        mouth_only: nothing outside mouth and chin changes, whatever the attention mask says, as of
            [`mouth_mask`][avfuse.geometry.mouth_mask.mouth_mask]; needs a face that was looked for.
        blending: how mouths are laid into frames: `direct`, or `poisson`, as of
            [`paste`][avfuse.video.paste.paste].
        retime: choose which of the footage's frames goes with which sound, as of
            [`retimed`][avfuse.speaking.retime.retimed], rather than let it run forth and back;
            the face is then looked for in all of the footage first.
        quiet: no progress bar.

    Returns:
        What was done.

    Raises:
        InputError: for input that cannot be used, in one line.
    """
    _keep_inputs(output, *([] if face is None else [face]), audio)
    if mouth_only and box is not None:
        raise InputError("a box does not say where the mouth is; give either a box or mouth only")
    begun = time.perf_counter()
    watch = Stopwatch()
    with watch.stage("start"):
        method = method_on(model, device, options)
        if mouth_only and method.whole:
            raise InputError("this model makes whole frames, not mouths; give no mouth only")
        ready = runner_named(runner, method)
        search = Search(faces, face_index, box)
        shown = scene(method, face, search, sound=audio if retime else None)
        origin = origin_of(audio, face)
        length = duration(audio, origin)
        if length <= INSTANT:
            raise InputError(f"{audio}: only {1000 * length:.2f} ms of sound; give a longer one")
        sound = MelFeed(mono_blocks(audio, origin), method.hears)
        speech = Speech(Speaker(ready, shown.seen, shown.heard), watch, mouth_only, blending)
        info = shown.info
        heard = AudioReader(audio, origin=origin)
        writer = VideoWriter(output, info.width, info.height, info.fps, heard, like=info)
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
        _progress(length * info.fps, quiet) as bar,
    ):
        frames = overlapped(shown.frames(), "decode", _DECODED)
        # Cut behind the tracker, which looks ahead: the footage goes on where the sound ends.
        tracked = overlapped(_until(length, shown.track(frames)), "faces", CHUNK)
        for frame, spoken in overlapped(speech.frames(tracked, sound), None, _SPOKEN):
            writer.write(frame.image, frame.time)
            written, with_face = written + 1, with_face + spoken
            gaps.add(frame.time, has_face=spoken)
            bar.update()
        shown.check()
    seconds = {"total": time.perf_counter() - begun, **watch.seconds}
    name = "given" if isinstance(model, Method) else str(model)
    used = method.device.type
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


def _progress(frames: float, quiet: bool) -> "tqdm[Never]":
    # None: shown on a terminal only, so that logs stay clean
    return tqdm(total=round(frames), desc="speaking", unit="frame", disable=quiet or None)
