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
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.crop import crop
from avfuse.faces.tracker import Face, FaceTracker, FixedBox
from avfuse.features.mel_feed import MelFeed
from avfuse.generator import Generator
from avfuse.model_file import DEFAULT, load
from avfuse.stopwatch import Stopwatch
from avfuse.video.audio import duration, mono_blocks
from avfuse.video.bounce import forth_and_back
from avfuse.video.paste import paste
from avfuse.video.read import TimedFrame, VideoInfo, probe
from avfuse.video.write import VideoWriter

FilePath = str | os.PathLike[str]
Tracked = tuple[TimedFrame, Face | None]
Speaking = tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "s s"]]
T = TypeVar("T")

_INSTANT = 1e-3  # seconds of sound at the end that are not worth a frame; times are rounded
_CHUNK = 8  # frames a step of the network; more gain little and hold more frames in memory


@dataclass(frozen=True)
class Report:
    """What a generation did.

    Attributes:
        frames: frames written.
        frames_with_face: frames whose face was made to speak.
        fps: frames a second of the output.
        seconds: wall seconds, `total` and for each stage: `start`, `decode`, `faces`, `sound`,
            `generator`, `paste`, `encode`.
        model: name or path.
        device: what it ran on.
    """

    frames: int
    frames_with_face: int
    fps: float
    seconds: dict[str, float]
    model: str
    device: str


def generate(
    face: FilePath,
    audio: FilePath,
    output: FilePath,
    *,
    model: FilePath | Generator = DEFAULT,
    device: str = "auto",
    box: tuple[float, float, float, float] | None = None,
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
        box: x0, y0, x1, y1 around the face in pixels, in every frame; None looks for the face.
        quiet: no progress bar.

    Returns:
        What was done.

    Raises:
        InputError: for input that cannot be used, in one line.
    """
    _keep_inputs(output, face, audio)
    watch = Stopwatch()
    with watch.stage("start"):
        network = _network(model, device)
        info, length = probe(face), duration(audio)
        tracker: FaceTracker = BuiltinTracker() if box is None else FixedBox(box)
        sound = MelFeed(mono_blocks(audio), network.audio.steps)
        writer = VideoWriter(output, info.width, info.height, info.fps, audio)
    frames = watch.through("decode", forth_and_back(face, exact=True))
    frames = itertools.takewhile(lambda frame: frame.time < length - _INSTANT, frames)
    tracked = watch.through("faces", tracker.track(frames))
    written = with_face = 0
    # Whatever no stage inside claims is encoding, the file's completion included.
    with watch.stage("encode"), writer, _progress(info, length, quiet) as bar:
        for chunk in _chunks(tracked, _CHUNK):
            for frame, spoken in _speak(chunk, network, sound, watch):
                writer.write(frame.image, frame.time)
                written, with_face = written + 1, with_face + spoken
                bar.update()
                _expect_face(face, with_face, frame.time > info.duration)
        _expect_face(face, with_face, at_end=True)
    seconds = {"total": sum(watch.seconds.values()), **watch.seconds}
    name = "given" if isinstance(model, Generator) else str(model)
    used = next(network.parameters()).device.type
    return Report(written, with_face, info.fps, seconds, name, used)


def _speak(
    chunk: Sequence[Tracked], network: Generator, sound: MelFeed, watch: Stopwatch
) -> Iterator[tuple[TimedFrame, bool]]:
    """Make the faces of a chunk speak; frames without one pass as they are."""
    with watch.stage("sound"):
        mel = sound.windows(torch.tensor([frame.time for frame, _ in chunk], dtype=torch.float64))
    places = [i for i, (_, face) in enumerate(chunk) if face is not None]
    results: Iterator[Speaking] = iter(())
    if places:
        with watch.stage("faces"):
            faces = [(frame.image, face.box) for frame, face in chunk if face is not None]
            crops = np.stack([crop(image, box, network.size) for image, box in faces])
        with watch.stage("generator"):
            results = iter(_run(network, crops, mel[places]))
    for frame, face in chunk:
        if face is None:
            yield frame, False
            continue
        motion, mask = next(results)
        with watch.stage("paste"):
            image = paste(frame.image, face.box, motion, mask)
        yield frame._replace(image=image), True


@torch.inference_mode()
def _run(network: Generator, crops: np.ndarray, mel: Tensor) -> list[Speaking]:
    """Crops and mel windows in, motion images and attention masks out; eq. 7 is left to paste."""
    device = next(network.parameters()).device
    images = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float() / 255
    condition = network.prepare(mel.to(device).unsqueeze(0)).fold()
    generated = network(images, condition)
    motion = (generated.motion * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    mask = generated.mask if network.blend else torch.ones_like(generated.mask)
    return list(zip(motion, mask[:, 0].float().cpu().numpy(), strict=True))


def _expect_face(face: FilePath, found: int, at_end: bool) -> None:
    if at_end and not found:
        raise InputError(
            f"{face}: no face found; give a video or photo that shows one from the front, or say "
            f"where it is with --box X0,Y0,X1,Y1"
        )


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
