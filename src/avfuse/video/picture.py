"""Single pictures to disk."""

import os
from pathlib import Path

import cv2

from avfuse.errors import InputError
from avfuse.faces.crop import Frame


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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    _, encoded = cv2.imencode(path.suffix, image[..., ::-1])
    try:
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
