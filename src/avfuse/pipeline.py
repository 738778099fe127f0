"""The whole generation, top to bottom: the paper's Figure 3 and IV-D.

read -> faces -> features(sound, face) -> fusion -> generator -> blend -> paste -> write
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Never, TypeVar

import numpy as np
import torch
from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.faces.choose import one_face
from avfuse.faces.crop import crop, frame_to_crop
from avfuse.faces.gaps import Gaps
from avfuse.faces.mouth_mask import mouth_mask
from avfuse.faces.tracker import Face
from avfuse.features.mel_feed import MelFeed
from avfuse.generator import Generator
from avfuse.model_file import DEFAULT, load
from avfuse.runtime.choose import runner_named
from avfuse.runtime.runner import Runner
from avfuse.stopwatch import Stopwatch
from avfuse.video.audio import duration, mono_blocks
from avfuse.video.bounce import forth_and_back
from avfuse.video.paste import Spoken, paste
from avfuse.video.read import TimedFrame, VideoInfo, probe
from avfuse.video.write import VideoWriter

FilePath = str | os.PathLike[str]
Tracked = tuple[TimedFrame, Face | None]
T = TypeVar("T")

_INSTANT = 1e-3  # seconds of sound at the end that are not worth a frame; times are rounded
_CHUNK = 8  # frames a step of the network; more gain little and hold more frames in memory


@dataclass(frozen=True)
class Report:
    """What a generation did.

    Attributes:
        frames: frames written.
        frames_with_face: frames whose face was made to speak.
        frames_without_face: frames that were left as they are.
        without_face: start and end, in seconds, of each stretch of them.
        fps: frames a second of the output.
        seconds: wall seconds, `total` and for each stage: `start`, `decode`, `faces`, `sound`,
            `prepare`, `generator`, `paste`, `encode`.
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
            [`mouth_mask`][avfuse.faces.mouth_mask.mouth_mask]; needs a face that was looked for.
        quiet: no progress bar.

    Returns:
        What was done.

    Raises:
        InputError: for input that cannot be used, in one line.
    """
    _keep_inputs(output, face, audio)
    if mouth_only and box is not None:
        raise InputError("a box does not say where the mouth is; give either a box or mouth only")
    watch = Stopwatch()
    with watch.stage("start"):
        network = _network(model, device)
        ready = runner_named(runner, network)
        info, length = probe(face), duration(audio)
        speaker = one_face(faces, face_index, box)
        sound = MelFeed(mono_blocks(audio), network.audio.steps)
        writer = VideoWriter(output, info.width, info.height, info.fps, audio)
    frames = watch.through("decode", forth_and_back(face, exact=True))
    frames = itertools.takewhile(lambda frame: frame.time < length - _INSTANT, frames)
    tracked = watch.through("faces", speaker.track(frames))
    written = with_face = 0
    gaps = Gaps()
    # Whatever no stage inside claims is encoding, the file's completion included.
    with watch.stage("encode"), writer, _progress(info, length, quiet) as bar:
        for chunk in _chunks(tracked, _CHUNK):
            for frame, spoken in _speak(chunk, ready, network.size, sound, watch, mouth_only):
                writer.write(frame.image, frame.time)
                written, with_face = written + 1, with_face + spoken
                gaps.add(frame.time, has_face=spoken)
                bar.update()
                if frame.time > info.duration:  # the whole video was seen
                    speaker.check_found(face)
        speaker.check_found(face)
    seconds = {"total": sum(watch.seconds.values()), **watch.seconds}
    name = "given" if isinstance(model, Generator) else str(model)
    used = next(network.parameters()).device.type
    silent = gaps.spans(frame.time + 1 / info.fps)
    return Report(
        written, with_face, written - with_face, silent, info.fps, seconds, name, used, ready.name
    )


def _speak(
    chunk: Sequence[Tracked],
    runner: Runner,
    size: int,
    sound: MelFeed,
    watch: Stopwatch,
    mouth_only: bool,
) -> Iterator[tuple[TimedFrame, bool]]:
    """Make the faces of a chunk speak; frames without one pass as they are."""
    with watch.stage("sound"):
        mel = sound.windows(torch.tensor([frame.time for frame, _ in chunk], dtype=torch.float64))
    places = [i for i, (_, face) in enumerate(chunk) if face is not None]
    results: Iterator[Spoken] = iter(())
    if places:
        with watch.stage("faces"):
            faces = [(frame.image, face.box) for frame, face in chunk if face is not None]
            crops = np.stack([crop(image, box, size) for image, box in faces])
        with watch.stage("prepare"):
            condition = runner.prepare(mel[places])
        with watch.stage("generator"):
            planes = runner(torch.from_numpy(crops), condition)
        results = itertools.starmap(Spoken, zip(*(p.numpy() for p in planes), strict=True))
    for frame, face in chunk:
        if face is None:
            yield frame, False
            continue
        with watch.stage("paste"):
            image = paste(frame.image, face.box, _limited(next(results), face, mouth_only))
        yield frame._replace(image=image), True


def _limited(spoken: Spoken, face: Face, mouth_only: bool) -> Spoken:
    """α where the face is: it comes and goes with the face, and may be held to mouth and chin."""
    mask = spoken.mask * np.float32(face.presence)
    if mouth_only:
        if face.landmarks is None:
            raise InputError("this faces backend reads no landmarks; give no --mouth-only with it")
        to_crop = torch.from_numpy(frame_to_crop(face.box, len(mask)))
        points = torch.from_numpy(face.landmarks).float() @ to_crop[:, :2].T + to_crop[:, 2]
        mask = mask * mouth_mask(points[None], *mask.shape)[0, 0].numpy()
    return spoken._replace(mask=mask)


def _keep_inputs(output: FilePath, *inputs: FilePath) -> None:
    for path in map(Path, inputs):
        if path.exists() and Path(output).exists() and path.samefile(output):
            raise InputError(f"{output} is an input too; give the output another name")


def _network(model: FilePath | Generator, device: str) -> Generator:
    if not isinstance(model, Generator):
        return load(model, device_named(device))
    return (model if device == "auto" else model.to(device_named(device))).eval()


def device_named(name: str) -> str:
    """Turn auto, cpu or cuda into what torch calls it.

    Raises:
        InputError: for another name, or a GPU that is not there.
    """
    if name not in {"auto", "cpu", "cuda"}:
        raise InputError(f"device {name!r} is unknown; expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _progress(info: VideoInfo, length: float, quiet: bool) -> "tqdm[Never]":
    # None: shown on a terminal only, so that logs stay clean
    return tqdm(
        total=round(length * info.fps), desc="speaking", unit="frame", disable=quiet or None
    )


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(itertools.islice(items, size)):
        yield chunk
