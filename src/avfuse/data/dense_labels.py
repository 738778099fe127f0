"""Labelled dense points, as whole numbers of sixteenths of a pixel: clips of people, portraits."""

from collections import defaultdict
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float

from avfuse.errors import InputError
from avfuse.geometry.dense import POINTS

Face = Float[np.ndarray, "468 3"]
Faces = Float[np.ndarray, "_ 468 3"]

_NOBODY = -32768  # instead of a coordinate, in frames without a face
_PARTS = 16  # of a pixel


def read_clips(folder: Path) -> dict[str, Faces]:
    """Read labels `<person>__<clip>.npz`, each with an array `points` (T, 468 or more, 3).

    Args:
        folder: of the files.

    Returns:
        Of each person all frames with a face, in pixels: x right, y down, z away.

    Raises:
        InputError: if there are none, or a file holds something else.
    """
    clips: dict[str, list[Faces]] = defaultdict(list)
    for path in sorted(folder.glob("*__*.npz")):
        clips[path.stem.split("__")[0]].append(read_faces(path))
    people = {name: np.concatenate(parts) for name, parts in clips.items()}
    if not (people := {name: faces for name, faces in people.items() if len(faces)}):
        raise InputError(f"{folder} holds no labelled face; give a folder of <person>__<clip>.npz")
    return people


def read_faces(path: Path) -> Faces:
    """Read the faces of one file, those of a clip's frames or one each of many people.

    Raises:
        InputError: if it holds something else.
    """
    points = read_points(path)
    return points[~np.isnan(points).any((1, 2))]


def read_points(path: Path) -> Faces:
    """Read the points of one file, frame by frame; NaN in frames without a face.

    Raises:
        InputError: if it holds something else.
    """
    points = read_array(path, "points")
    if points.ndim != 3 or points.shape[1] < POINTS or points.shape[2] != 3:
        raise InputError(f"{path}: points are {points.shape}; expected (frames, 468 or more, 3)")
    seen = points[:, :1, :1] > _NOBODY
    return np.where(seen, points[:, :POINTS].astype(np.float64) / _PARTS, np.nan)


def read_array(path: Path, name: str) -> np.ndarray:
    """Read an array of a .npz; nothing is unpickled.

    Raises:
        InputError: if there is none of that name.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file[name])
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: expected a .npz with an array `{name}` ({error})") from error
