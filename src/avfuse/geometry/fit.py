"""A face model fitted to what is seen of a clip: one identity, and an expression and pose a frame.

The numbers that Everybody's Talkin' (Song et al., section 3.1) finds under weak perspective, and
Live Speech Portraits (Lu et al. 2021, section 4.1) before a pinhole whose focal length is searched.

Regularised least squares: the likeliest coefficients (normal, of standard deviation 1) and poses
under errors of a given size. Coefficients and poses are often found in turns; here all unknowns
move at once (Gauss-Newton), which needs a few rounds where turns need many: each frame's are
eliminated first, and the identity is solved for in what is left.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.geometry.camera import Camera, Pinhole, WeakPerspective
from avfuse.geometry.face_model import FaceModel
from avfuse.geometry.pose import fit_poses

NOISE = 0.01
"""How far labels lie from the model, in its units (distances of the outer eye corners)."""

_ROUNDS = 12  # at most
_SETTLED = 1e-4  # of a pixel: what a last round moves
_FRAMES = 64  # at a time, to save memory
_FOCAL = (0.5, 16.0)  # in widths of the picture: from the nearest phone to a telephoto lens
_TRIES = 16  # focal lengths that are tried


C = TypeVar("C", bound=Camera)


@dataclass(frozen=True)
class Fitted(Generic[C]):
    """What was found, in float64.

    Attributes:
        identity: of the clip.
        expression: of each frame.
        camera: which holds each frame's pose.
        cost: squared errors over those expected, and squares of the coefficients; the sum.
    """

    identity: Float[Tensor, "K"]
    expression: Float[Tensor, "T L"]
    camera: C
    cost: float


def fit_face(
    seen: Float[Tensor, "T Q 2"], model: FaceModel, *, noise: float = NOISE
) -> Fitted[WeakPerspective]:
    """Fit a clip under weak perspective.

    Args:
        seen: all of the model's points, or the 68 alone, in pixels; finite.
        model: any.
        noise: how far off points may be, in the model's unit; less follows them more closely.

    Raises:
        InputError: if the points are neither.
    """
    model = _of_points(model, seen)
    start = _start(seen, model)
    return _settled(seen.double(), model, _at_mean(model, start, len(seen)), noise)


def fit_face_and_focal(
    seen: Float[Tensor, "T Q 2"], model: FaceModel, width: int, height: int, *, noise: float = NOISE
) -> Fitted[Pinhole]:
    """Fit a clip before a pinhole camera, whose focal length is searched for.

    The camera looks at the picture's centre. Its focal length is the one of the least cost, found
    by golden sections of its logarithm. Faces that keep their distance say little of it.

    Args:
        seen: all of the model's points, or the 68 alone, in pixels; finite.
        model: any.
        width: of the picture, pixels.
        height: of the picture, pixels.
        noise: how far off points may be, in the model's unit.

    Raises:
        InputError: if the points are neither.
    """
    centre = seen.new_tensor([width - 1, height - 1]).double() / 2

    def fitted(logarithm: float) -> Fitted[Pinhole]:
        return fit_face_at_focal(seen, model, math.exp(logarithm), centre, noise=noise)

    return _cheapest(fitted, *(math.log(widths * width) for widths in _FOCAL))


def fit_face_at_focal(
    seen: Float[Tensor, "T Q 2"],
    model: FaceModel,
    focal: float,
    centre: Float[Tensor, "2"],
    *,
    noise: float = NOISE,
) -> Fitted[Pinhole]:
    """Fit a clip before a pinhole camera whose focal length is known.

    Args:
        seen: all of the model's points, or the 68 alone, in pixels; finite.
        model: any; one without identities is a person, and fits each frame by itself.
        focal: pixels.
        centre: where the camera's axis meets the picture, in pixels.
        noise: how far off points may be, in the model's unit.

    Raises:
        InputError: if the points are neither.
    """
    model = _of_points(model, seen)
    pinhole = Pinhole.like(_start(seen, model), focal, centre.to(seen.device).double())
    return _settled(seen.double(), model, _at_mean(model, pinhole, len(seen)), noise)


def _cheapest(fitted: Callable[[float], Fitted[C]], low: float, high: float) -> Fitted[C]:
    """The fit of the least cost between two numbers, by golden sections (Kiefer 1953)."""
    section = (math.sqrt(5) - 1) / 2
    places = [high - section * (high - low), low + section * (high - low)]
    tried = [fitted(place) for place in places]
    for _ in range(_TRIES - 2):
        if tried[0].cost < tried[1].cost:
            high = places[1]
            places = [high - section * (high - low), places[0]]
            tried = [fitted(places[0]), tried[0]]
        else:
            low = places[0]
            places = [places[1], low + section * (high - low)]
            tried = [tried[1], fitted(places[1])]
    return min(tried, key=lambda found: found.cost)


def _of_points(model: FaceModel, seen: Float[Tensor, "T Q 2"]) -> FaceModel:
    """The model at the points that are seen, where they are, in float64."""
    model, count = model.to(seen.device).to(torch.float64), seen.shape[1]
    if count == len(model.mean):
        return model
    if count == len(model.landmarks):
        at = model.at(model.landmarks)
        return at._replace(landmarks=torch.arange(count))
    raise InputError(f"{count} points are seen; expected the 68, or all {len(model.mean)}")


def _start(seen: Float[Tensor, "T Q 2"], model: FaceModel) -> WeakPerspective:
    """The pose of the library's mean face, to which every model is turned and scaled."""
    poses = fit_poses(seen[:, model.landmarks].double().cpu().numpy())
    parts = (np.stack(part) for part in zip(*poses, strict=True))
    return WeakPerspective(*(torch.from_numpy(part).to(seen.device) for part in parts))


def _at_mean(model: FaceModel, camera: C, frames: int) -> Fitted[C]:
    nobody, nothing = model.mean.new_zeros(len(model.identity)), len(model.expression)
    return Fitted(nobody, nobody.new_zeros(frames, nothing), camera, math.inf)


def _settled(
    seen: Float[Tensor, "T Q 2"], model: FaceModel, start: Fitted[C], noise: float
) -> Fitted[C]:
    """Rounds until nothing moves."""
    found = start
    for _ in range(_ROUNDS):
        before = found.camera.project(model.shape(found.identity, found.expression))
        found = _round(seen, model, found, noise)
        after = found.camera.project(model.shape(found.identity, found.expression))
        if (after - before).abs().max() < _SETTLED:
            break
    return replace(found, cost=_cost(seen, model, found, noise))


def _cost(seen: Float[Tensor, "T Q 2"], model: FaceModel, found: Fitted[C], noise: float) -> float:
    shapes = model.shape(found.identity, found.expression)
    errors = (seen - found.camera.project(shapes)) / (noise * found.camera.unit)[:, None, None]
    return sum(float(part.square().sum()) for part in (errors, found.identity, found.expression))


class _Frames(NamedTuple):
    """The normal equations of some frames: of what is their own, and of the identity they share.

    Their own F unknowns are the six of a pose and the expression.
    """

    own: Float[Tensor, "T F F"]
    shared: Float[Tensor, "K K"]
    across: Float[Tensor, "T F K"]
    own_pull: Float[Tensor, "T F"]
    shared_pull: Float[Tensor, "K"]


def _round(
    seen: Float[Tensor, "T Q 2"], model: FaceModel, found: Fitted[C], noise: float
) -> Fitted[C]:
    """One step of Gauss-Newton (Schur's complement: the frames' own unknowns are eliminated)."""
    count = len(found.identity)
    left = torch.eye(count).to(found.identity)
    pull = -found.identity
    solved = []
    for first in range(0, len(seen), _FRAMES):
        part = slice(first, first + _FRAMES)
        frames = _equations(seen[part], model, _part(found, part), noise)
        both = torch.cat([frames.across, frames.own_pull[..., None]], 2)
        both = torch.linalg.solve(frames.own, both)
        left = left + frames.shared - torch.einsum("tfk,tfj->kj", frames.across, both[..., :count])
        pull = pull + frames.shared_pull
        pull = pull - torch.einsum("tfk,tf->k", frames.across, both[..., count])
        solved.append(both)
    step = torch.linalg.solve(left, pull)
    every = torch.cat(solved)
    own = every[..., count] - every[..., :count] @ step
    return Fitted(
        found.identity + step,
        found.expression + own[:, 6:],
        found.camera.moved(own[:, :6]),
        found.cost,
    )


def _equations(
    seen: Float[Tensor, "T Q 2"], model: FaceModel, found: Fitted[C], noise: float
) -> _Frames:
    shapes = model.shape(found.identity, found.expression)
    slopes = found.camera.slopes(shapes)
    precision = 1 / (noise * found.camera.unit)[:, None, None]
    errors = (precision * (seen - found.camera.project(shapes))).flatten(1)
    moment = torch.einsum("tpij,lpj->tpil", slopes.shape, model.expression)
    own = precision * torch.cat([slopes.pose, moment], 3).flatten(1, 2)
    who = precision * torch.einsum("tpij,kpj->tpik", slopes.shape, model.identity).flatten(1, 2)
    usual = F.pad(torch.ones_like(found.expression), (6, 0))
    return _Frames(
        own.mT @ own + torch.diag_embed(usual),
        torch.einsum("tqk,tqj->kj", who, who),
        own.mT @ who,
        (own.mT @ errors[..., None])[..., 0] - usual * F.pad(found.expression, (6, 0)),
        torch.einsum("tqk,tq->k", who, errors),
    )


def _part(found: Fitted[C], frames: slice) -> Fitted[C]:
    return replace(found, expression=found.expression[frames], camera=found.camera.at(frames))
