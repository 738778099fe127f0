"""Where the mean face's 68 points lie in space, learnt from labels with depth.

    python -m avfuse.experts.landmarks.mean_shape LABELS OUTPUT --credit TEXT --people NAME ...

learns the shape from the `.npz` files of a folder and writes it. What is shipped was made so, of
GRID's s1, s2, s3, s4, s14, s17, s22 and s23 and of one more person (`talking`).
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save as save_bytes

from avfuse.errors import InputError
from avfuse.files.whole import write_whole
from avfuse.geometry.box import EYES
from avfuse.geometry.points import MIRRORED
from avfuse.geometry.procrustes import aligned, symmetric

Shape = Float[np.ndarray, "68 3"]
Shapes = Float[np.ndarray, "T 68 3"]

_ROUNDS = 6  # of alignment and averaging; the last one moves nothing


def learn(people: list[Float[np.ndarray, "_ 68 3"]]) -> Shape:
    """Generalised Procrustes analysis (Gower 1975) over people, then over their frames.

    Every person counts the same, whatever the number of their frames. The shape is symmetric, and
    looks the way that people did on average: into the camera.

    Args:
        people: of each, points seen by the camera: x to the right, y down, z away, one unit.

    Returns:
        The mean, between the eyes 0, the eyes' outer corners 1 apart.
    """
    shape = np.mean([normalised(frames.mean(0)) for frames in people], 0)
    for _ in range(_ROUNDS):
        shape = normalised(symmetric(shape, MIRRORED))
        shape = np.mean([aligned(frames, shape).mean(0) for frames in people], 0)
    return normalised(symmetric(shape, MIRRORED))


def normalised(shape: Shape) -> Shape:
    """Moved to 0 between the eyes, scaled to 1 from one eye's outer corner to the other's."""
    return (shape - shape[EYES].mean(0)) / np.linalg.norm(shape[45] - shape[36])


def read_people(labels: Path, people: Sequence[str] = ()) -> list[Float[np.ndarray, "_ 68 3"]]:
    """Read a folder of labels `<person>__<clip>.npz`, each with an array `landmarks` (T, 68, 3).

    Args:
        labels: the folder.
        people: whose clips to read; everybody's if none are named.

    Raises:
        InputError: if there are none, nobody of a name, or a file holds something else.
    """
    clips: dict[str, list[Shapes]] = defaultdict(list)
    for path in sorted(labels.glob("*.npz")):
        landmarks = _landmarks(path)
        clips[path.stem.split("__")[0]].append(landmarks[~np.isnan(landmarks).any((1, 2))])
    if unknown := set(people) - set(clips):
        raise InputError(f"{labels} has no clip of {', '.join(sorted(unknown))}")
    chosen = [clips[name] for name in people or clips]
    found = [frames for of_one in chosen if len(frames := np.concatenate(of_one))]
    if not found:
        raise InputError(f"{labels} holds no labelled face; give a folder of <person>__<clip>.npz")
    return found


def save(shape: Shape, path: Path, credit: str = "") -> None:
    """Write a shape in float32; whole or not at all."""
    write_whole(path, save_bytes({"points": shape.astype(np.float32)}, {"credit": credit}))


def _landmarks(path: Path) -> Shapes:
    try:
        with np.load(path, allow_pickle=False) as file:
            landmarks = file["landmarks"]
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: expected a .npz with an array `landmarks` ({error})") from error
    if landmarks.ndim != 3 or landmarks.shape[1:] != (68, 3):
        raise InputError(f"{path}: landmarks are {landmarks.shape}; expected (frames, 68, 3)")
    return landmarks.astype(np.float64)


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.landmarks.mean_shape")
    parser.add_argument("labels", type=Path, help="folder of <person>__<clip>.npz")
    parser.add_argument("output", type=Path, help="the .safetensors file to write")
    parser.add_argument("--credit", default="", help="the data and their licences")
    parser.add_argument("--people", nargs="*", default=[], help="whose clips to read (everybody's)")
    options = parser.parse_args()
    people = read_people(options.labels, options.people)
    save(learn(people), options.output, options.credit)


if __name__ == "__main__":
    main()
