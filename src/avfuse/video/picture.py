"""Single pictures to disk."""

from pathlib import Path

import cv2

from avfuse.errors import InputError
from avfuse.files.whole import write_whole
from avfuse.geometry.box import Frame


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
