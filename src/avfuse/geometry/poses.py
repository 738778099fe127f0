"""Poses of a head in a row: as a file holds them, and gone through without end."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.errors import InputError


def read_poses(path: Path) -> Float[Tensor, "F 6"]:
    """Read a file of poses; what the numbers mean is the method's.

    Args:
        path: `.npy` or text, six numbers a frame: rotation vector (radians), then three of place.

    Raises:
        InputError: it holds something else.
    """
    try:
        table = np.load(path, allow_pickle=False) if path.suffix == ".npy" else _text(path)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as poses ({error})") from error
    if table.ndim != 2 or table.shape[1] != 6 or not len(table) or not np.isfinite(table).all():
        raise InputError(
            f"{path}: poses are {table.shape}; expected six finite numbers a frame, rotation "
            f"vector and translation"
        )
    return torch.from_numpy(table.astype(np.float32))


def bounced(frames: Int[Tensor, "T"], count: int) -> Int[Tensor, "T"]:
    """Places in so many, forth and back without end.

    Args:
        frames: numbers of the frames, from 0.
        count: places that there are.
    """
    if count < 2:
        return torch.zeros_like(frames)
    period = 2 * count - 2
    at = frames % period
    return torch.minimum(at, period - at)


def _text(path: Path) -> np.ndarray:
    return np.loadtxt(path, ndmin=2, comments="#")
