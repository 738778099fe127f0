"""A linear model of faces in space: a mean, what people differ by, and what expressions change.

shape = mean + Σ a_k identity_k + Σ e_l expression_l, a 3-D morphable model (Blanz and Vetter 1999)
whose coefficients are a person's a and a moment's e, as the papers on 3-D faces use them. The
library's own is made by [`avfuse.experts.face.learning`][]; any other takes its place.
"""

import functools
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.numpy import load_file
from torch import Tensor

from avfuse.errors import InputError
from avfuse.files.weights import shipped
from avfuse.geometry import dense
from avfuse.geometry.pose import mean_shape
from avfuse.geometry.procrustes import onto


class FaceModel(NamedTuple):
    """A face in a few numbers, all in float32 unless moved.

    Axes: x to the picture's right, y down, z away from the camera, as a face is seen that looks
    into it; 0 between the eyes, whose outer corners are 1 apart: the mean's 68 points are laid onto
    [`mean_shape`][avfuse.geometry.pose.mean_shape], so that a head's pose is the same by either.

    Attributes:
        mean: the mean face at rest, lips closed.
        identity: what a coefficient of 1, a standard deviation over people, adds.
        expression: likewise, over moments.
        triangles: corners of each, anticlockwise as they are seen from outside.
        landmarks: which points the 68 are (iBUG order).
    """

    mean: Float[Tensor, "P 3"]
    identity: Float[Tensor, "K P 3"]
    expression: Float[Tensor, "L P 3"]
    triangles: Int[Tensor, "F 3"]
    landmarks: Int[Tensor, "68"]

    def shape(
        self, identity: Float[Tensor, "*#N K"], expression: Float[Tensor, "*#N L"]
    ) -> Float[Tensor, "*N P 3"]:
        """The shape of coefficients; one person's a for many moments' e, or one each."""
        who = torch.einsum("...k,kpd->...pd", identity, self.identity)
        return self.mean + who + torch.einsum("...l,lpd->...pd", expression, self.expression)

    def first(self, identity: int, expression: int) -> "FaceModel":
        """The same with only the first components of each, which explain the most."""
        return self._replace(
            identity=self.identity[:identity], expression=self.expression[:expression]
        )

    def at(self, points: Int[Tensor, "Q"]) -> "FaceModel":
        """The same at some of its points, without triangles; the 68 keep their numbers."""
        return self._replace(
            mean=self.mean[points],
            identity=self.identity[:, points],
            expression=self.expression[:, points],
            triangles=self.triangles[:0],
        )

    def to(self, to: torch.device | torch.dtype) -> "FaceModel":
        """The same on a device, or its coordinates in a precision."""
        numbers = (tensor.to(to) for tensor in self[:3])
        device = to if isinstance(to, torch.device) else self.mean.device
        return FaceModel(*numbers, *(table.to(device) for table in self[3:]))


@functools.cache
def face_model() -> FaceModel:
    """The library's own: 468 dense points (see [`avfuse.geometry.dense`][]); do not change it.

    Learnt from labels by MediaPipe FaceMesh (Apache-2.0), whose depth is relative.
    """
    path = shipped("avfuse.geometry", "face_model.safetensors")
    mean, identity, expression = (
        torch.from_numpy(load_file(path)[name].astype(np.float32))
        for name in ("mean", "identity", "expression")
    )
    tables = dense.triangles(), dense.LANDMARKS
    # From numpy, wherever new tensors are made: everybody shares it.
    triangles, landmarks = (torch.from_numpy(table.copy()) for table in tables)
    return FaceModel(mean, identity, expression, triangles, landmarks)


def read_face_model(path: Path) -> FaceModel:
    """Read another model, such as BFM or FLAME, which their owners license.

    Args:
        path: `.npz` with `mean` (P, 3), `identity` (K, P, 3) and `expression` (L, P, 3), each
            component times its standard deviation, `triangles` (F, 3) from 0, anticlockwise as
            seen from outside, and `landmarks` (68,), which points the 68 are in iBUG order.
            Right-handed axes of any direction, in any unit: the 68 points of the mean are laid
            onto the library's mean face.

    Raises:
        InputError: if it holds something else.
    """
    return _in_our_axes(*_arrays(path))


def _arrays(path: Path) -> list[np.ndarray]:
    names = ("mean", "identity", "expression", "triangles", "landmarks")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = [file[name] for name in names]
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: expected a .npz with {', '.join(names)} ({error})") from error
    count = len(arrays[0])
    wanted = ((count, 3), (-1, count, 3), (-1, count, 3), (-1, 3), (68,))
    for name, array, shape in zip(names, arrays, wanted, strict=True):
        if array.ndim != len(shape) or any(
            w not in (-1, n) for n, w in zip(array.shape, shape, strict=True)
        ):
            text = ", ".join("any" if n == -1 else str(n) for n in shape)
            raise InputError(f"{path}: {name} is {array.shape}; expected ({text})")
    for name, table in zip(names[3:], arrays[3:], strict=True):
        if table.dtype.kind not in "iu" or table.min() < 0 or table.max() >= count:
            raise InputError(f"{path}: {name} must be whole numbers from 0 to {count - 1}")
    return arrays


def _in_our_axes(
    mean: np.ndarray,
    identity: np.ndarray,
    expression: np.ndarray,
    triangles: np.ndarray,
    landmarks: np.ndarray,
) -> FaceModel:
    place = onto(mean[None, landmarks].astype(np.float64), mean_shape())
    laid = (place(mean[None])[0], identity @ place.turn[0], expression @ place.turn[0])
    return FaceModel(
        *(torch.from_numpy(array.astype(np.float32)) for array in laid),
        *(torch.from_numpy(table.astype(np.int64)) for table in (triangles, landmarks)),
    )
