"""Single pictures to disk."""

from pathlib import Path

import cv2

from avfuse.errors import InputError
from avfuse.faces.crop import Frame
from avfuse.whole import write_whole


def write_picture(path: Path, image: Frame) -> None:
    """Write a picture, whole or not at all.

    Args:
        path: of the file, .png or .jpg.
        image: RGB.

    Raises:
        InputError: if the path cannot be written.
    """
    if path.suffix.lower() not in {".png", ".jpg"}:
        raise InputError(f"{path}: a picture's name ends in .png or .jpg")
    _, encoded = cv2.imencode(path.suffix, image[..., ::-1])
    write_whole(path, encoded.tobytes())
