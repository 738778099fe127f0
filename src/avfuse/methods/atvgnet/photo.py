"""A photo that speaks: ATVGnet's whole inference, from files to a file."""

import os
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.choose import one_face
from avfuse.faces.tracker import Face
from avfuse.geometry.box import crop, frame_to_crop
from avfuse.methods.atvgnet.generator import BEGINNING, ATVGnet
from avfuse.sound.feed import MelFeed
from avfuse.video.audio import duration, mono_blocks
from avfuse.video.paste import Spoken, paste
from avfuse.video.read import TimedFrame, frames
from avfuse.video.write import VideoWriter

FilePath = str | os.PathLike[str]

_CHUNK = 16  # frames a step: the networks' states carry over


def speak_photo(
    model: ATVGnet,
    photo: FilePath,
    audio: FilePath,
    output: FilePath,
    *,
    fps: float = 25.0,
    faces: str = "builtin",
) -> None:
    """Make the face of a photo speak (eq. 1 and 2).

    Args:
        model: in evaluation mode, as by `load_any`.
        photo: with a face; of a video, the first frame.
        audio: any file with sound.
        output: the video to write; appears whole or not at all.
        fps: frames a second; the rate of the videos that it was trained on.
        faces: what looks for the face, as of `generate`.

    Raises:
        InputError: for input that cannot be used, in one line.
    """
    frame, face = _face(photo, faces)
    count = max(1, round(duration(audio) * fps))
    sound = MelFeed(mono_blocks(audio), model.mel_steps)
    height, width = frame.image.shape[:2]
    with VideoWriter(output, width, height, fps, audio) as writer:
        shown = _spoken(model, frame, face, sound, torch.arange(count, dtype=torch.float64) / fps)
        for number, spoken in enumerate(shown):
            writer.write(paste(frame.image, face.box, spoken), number / fps)


def _face(photo: FilePath, faces: str) -> tuple[TimedFrame, Face]:
    speaker = one_face(faces)
    frame, face = next(iter(speaker.track(iter([next(iter(frames(photo)))]))))
    speaker.check_found(photo)
    if face is None or face.landmarks is None:
        raise InputError(f"{photo}: no landmarks were read; ATVGnet moves a face by them")
    return frame, face


def _spoken(
    model: ATVGnet, frame: TimedFrame, face: Face, sound: MelFeed, times: Float[Tensor, "T"]
) -> Iterator[Spoken]:
    """What is laid over the photo at each time."""
    image, still = _reference(frame.image, face, model)
    state = BEGINNING
    for start in range(0, len(times), _CHUNK):
        mel = sound.windows(times[start : start + _CHUNK]).unsqueeze(0).to(image)
        with torch.inference_mode():
            painted, _, state = model.speak(image, still, mel, state)
            change = 255 * (painted.motion - image.unsqueeze(1))[0].permute(0, 2, 3, 1)
        for mask, colours in zip(painted.mask[0, :, 0].cpu().numpy(), change.cpu(), strict=True):
            yield Spoken(mask, colours.numpy(), np.zeros((*mask.shape, 2), np.float32))


def _reference(
    image: UInt8[np.ndarray, "H W 3"], face: Face, model: ATVGnet
) -> tuple[Float[Tensor, "1 3 S S"], Float[Tensor, "1 68 2"]]:
    """The photo's crop and its landmarks in pixels of it, where the model is."""
    device = next(model.parameters()).device
    pixels = torch.from_numpy(crop(image, face.box, model.size)).permute(2, 0, 1)
    matrix = frame_to_crop(face.box, model.size)
    points = np.asarray(face.landmarks, np.float32) @ matrix[:, :2].T + matrix[:, 2]
    return pixels[None].to(device) / 255, torch.from_numpy(points)[None].to(device)
