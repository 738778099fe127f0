"""The rasteriser: pictures of the face model at the size that networks look at."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.bench.measure import interleaved
from avfuse.geometry.face_model import face_model
from avfuse.geometry.rasteriser import rasterise, textured

SIZE = 256
"""Pixels a side."""

_UNIT, _MIDDLE = 125.0, (127.5, 85.0)  # the face fills the picture from edge to edge


class RasterTime(NamedTuple):
    """One piece of work.

    Attributes:
        work: `rasterise`, what each pixel shows; `textured`, with a picture laid onto it; or
            `gradients`, that and its gradients to vertices and texture.
        batch: faces at a time.
        ms_per_frame: milliseconds a face.
    """

    work: str
    batch: int
    ms_per_frame: float


def raster_times(
    device: torch.device, batches: Sequence[int], *, rounds: int, quiet: bool = False
) -> list[RasterTime]:
    """Time the rasteriser's work on the face model's mean.

    Args:
        device: where.
        batches: faces at a time.
        rounds: how often each is timed.
        quiet: no progress bar.
    """
    works: dict[tuple[str, int], Callable[[], object]] = {}
    for batch in batches:
        points, texture = _face(device, batch)
        works["rasterise", batch] = partial(_rasterise, points)
        works["textured", batch] = partial(_textured, points, texture)
        works["gradients", batch] = partial(_gradients, points, texture)
    ms = interleaved(works, rounds, "rasteriser", quiet)
    return [RasterTime(work, batch, time / batch) for (work, batch), time in ms.items()]


def _face(
    device: torch.device, batch: int
) -> tuple[Float[Tensor, "N P 3"], Float[Tensor, "N 3 H W"]]:
    points = face_model().mean * _UNIT + torch.tensor([*_MIDDLE, 0.0])
    texture = torch.rand(batch, 3, SIZE, SIZE, device=device)
    return points.to(device).repeat(batch, 1, 1), texture


@torch.inference_mode()
def _rasterise(points: Tensor) -> object:
    return rasterise(points, face_model().triangles.to(points.device), SIZE, SIZE)


@torch.inference_mode()
def _textured(points: Tensor, texture: Tensor) -> Tensor:
    return _picture(points, texture)


def _gradients(points: Tensor, texture: Tensor) -> tuple[Tensor, ...]:
    given = points.clone().requires_grad_(), texture.clone().requires_grad_()
    return torch.autograd.grad(_picture(*given).sum(), given)


def _picture(points: Tensor, texture: Tensor) -> Tensor:
    triangles = face_model().triangles.to(points.device)
    raster = rasterise(points, triangles, SIZE, SIZE)
    return textured(raster, triangles, points.detach()[..., :2], texture)
