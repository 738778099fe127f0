"""Portraits: a picture each of many people, with dense points, read when they are asked for."""

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import cv2
import numpy as np

from avfuse.data.dense_labels import Face, read_faces
from avfuse.data.portraits.colour import tinted
from avfuse.errors import InputError
from avfuse.geometry.box import Frame

MESH = "mesh.npz"
"""Names of the pictures and their dense points."""


class Portrait(NamedTuple):
    """One person's picture.

    Attributes:
        path: of the picture, grey or in colours.
        points: in its pixels, x right, y down, z away.
        seed: of its colours.
    """

    path: Path
    points: Face
    seed: int

    def picture(self) -> Frame:
        """Read it, tinted where it is grey; always the same."""
        picture = cv2.imread(str(self.path))
        if picture is None:
            raise InputError(f"{self.path} cannot be read as a picture; remove it and its label")
        blue, green, red = cv2.split(picture)
        if not ((blue == green).all() and (red == green).all()):
            return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        return tinted(green, self.points[:, :2], np.random.default_rng(self.seed))


def read_portraits(folder: Path) -> list[Portrait]:
    """Read a folder of pictures and their labels, `mesh.npz`; pictures are read when asked for.

    The file holds `names` (N), those of the pictures, and `points` (N, 468 or more, 3), whole
    numbers of sixteenths of a pixel.

    Raises:
        InputError: if the folder holds something else.
    """
    labels = folder / MESH
    if not labels.exists():
        raise InputError(
            f"{labels} is not there; give a folder of pictures with {MESH}, their dense points"
        )
    names, faces = _names(labels), read_faces(labels)
    if len(names) != len(faces):
        raise InputError(
            f"{labels} has {len(names)} names for {len(faces)} faces; expected as many"
        )
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(f"{folder / missing[0]} is not there, though {MESH} names it")
    both = zip(names, faces, strict=True)
    return [Portrait(folder / name, points, seed) for seed, (name, points) in enumerate(both)]


def _names(labels: Path) -> list[str]:
    try:
        with np.load(labels, allow_pickle=False) as file:
            return [str(name) for name in file["names"]]
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{labels}: expected an array `names` of pictures ({error})") from error
