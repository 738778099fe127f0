"""Figure 4: what the network changes of a face, and into what."""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.geometry.box import Frame, box_from_landmarks, crop
from avfuse.methods.dynamic_kernels.generator import Generator, dynamic
from avfuse.methods.dynamic_kernels.viz import segments
from avfuse.model_file import load
from avfuse.types import Generated
from avfuse.video.picture import write_picture
from avfuse.video.read import frames, probe

ROWS = ("input", "mask", "motion", "output")
"""Top to bottom: I, attention mask α, motion image M, I' = I·(1-α) + M·α (eq. 7)."""

_LEFT, _INK = 72, (40, 40, 40)


def mask_picture(
    generator: Generator, images: Float[Tensor, "N 3 H W"], mel: Float[Tensor, "N 80 S"]
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Draw what eq. 7 is made of, a column a frame (Fig. 4).

    Args:
        generator: in evaluation mode.
        images: crops, in [0, 1].
        mel: the window that each of them speaks.

    Returns:
        RGB: rows as of `ROWS`. Mask from black, 0, to white, 1; M is clipped to [0, 1].
    """
    drawn: Generated = generator(images, generator.condition(mel.unsqueeze(0)).fold())
    rows = images, drawn.mask.expand_as(images), drawn.motion, drawn.image
    return np.vstack([np.hstack([_name(name, images.shape[-2]), *map(_picture, row)])
                      for name, row in zip(ROWS, rows, strict=True)])  # fmt: skip


def _picture(image: Float[Tensor, "3 H W"]) -> Frame:
    levels = (image.detach().float().cpu().clamp(0, 1) * 255).round()
    return levels.byte().permute(1, 2, 0).numpy()


def _name(text: str, height: int) -> Frame:
    blank = np.full((height, _LEFT, 3), 255, np.uint8)
    cv2.putText(blank, text, (6, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return blank


def crops(face: Path, size: int, count: int) -> Float[Tensor, "count 3 size size"]:
    """Crops of a face at moments spread over a video's first seconds, or a photo's over and over.

    Args:
        face: video or photo; the figure of the paper repeats a photo.
        size: pixels a side.
        count: how many.

    Raises:
        InputError: if no face is seen.
    """
    wanted = 1 if probe(face).is_photo else count
    found = []
    for frame, seen in OneFace(BuiltinTracker()).track(itertools.islice(frames(face), 10 * wanted)):
        if seen is not None and seen.landmarks is not None:
            found.append(crop(frame.image, box_from_landmarks(seen.landmarks), size))
    if not found:
        raise InputError(f"{face}: no face is seen in it")
    places = np.linspace(0, len(found) - 1, count).round().astype(int)
    return torch.from_numpy(np.stack([found[i] for i in places])).permute(0, 3, 1, 2) / 255


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw masks and motion images of a face that speaks.

    Runs as `python -m avfuse.methods.dynamic_kernels.masks`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        "avfuse.methods.dynamic_kernels.masks", description="Draw attention masks (Figure 4)."
    )
    parser.add_argument("model", help="a bundled model's name, or a model file")
    parser.add_argument("face", type=Path, help="video or photo")
    parser.add_argument("sound", type=Path, help="a file with sound")
    parser.add_argument("output", type=Path, help="the picture to write, .png or .jpg")
    parser.add_argument("--count", type=int, default=6, help="moments (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.count < 1:
            raise InputError(f"count is {options.count}; show at least one moment")
        generator = dynamic(load(options.model))
        heard = segments(options.sound, generator.audio.steps)
        # Not the very ends: there the windows hear what lies beyond the recording, silence.
        moments = np.linspace(0, len(heard) - 1, options.count + 2).round().astype(int)[1:-1]
        images = crops(options.face, generator.size, options.count)
        with torch.inference_mode():
            picture = mask_picture(generator, images, heard[moments])
        write_picture(options.output, picture)
    except InputError as error:
        print(f"avfuse: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
