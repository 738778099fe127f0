"""How lips move: their shape and opening, head motion and identity taken out."""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.box import MOUTH
from avfuse.geometry.pose import mean_shape

_CLOSED = 0.15  # of a clip's moments, those with the lips nearest to each other, are closed


def smooth(points: Float[np.ndarray, "T P 2"], width: int = 5) -> Float[np.ndarray, "T P 2"]:
    """Moving average over `width` frames, shorter at the ends: labels jitter, heads do not."""
    padded = np.pad(points, ((width // 2,) * 2, (0, 0), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, 0)
    seen = ~np.isnan(windows)
    total = np.where(seen, windows, 0).sum(-1)
    mean = total / np.maximum(seen.sum(-1), 1)
    return np.where(np.isnan(points), np.nan, mean).astype(np.float32)


def lip_shapes(landmarks: Float[np.ndarray, "T 68 2"]) -> Float[np.ndarray, "T 20 2"]:
    """How the lips differ from the clip's closed ones, head motion and identity taken out.

    [`upright_lips`][avfuse.geometry.lips.upright_lips] minus their mean over the moments of the
    clip at which they are the most closed: zero is at rest, whoever it is.
    """
    upright = upright_lips(landmarks)
    apart = lip_aperture(torch.from_numpy(upright)).numpy()
    if np.isnan(apart).all():
        return upright.astype(np.float32)
    closed = apart <= np.nanquantile(apart, _CLOSED)
    return (upright - upright[closed].mean(0)).astype(np.float32)


def upright_lips(landmarks: Float[np.ndarray, "T 68 2"]) -> Float[np.ndarray, "T 20 2"]:
    """The lips, head motion taken out.

    The 20 mouth points, upright (eyes level), from the middle of the mouth corners, in units of
    the clip's distance from eyes to mouth.
    """
    left, right = landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)
    across = (right - left) / np.linalg.norm(right - left, axis=1, keepdims=True)
    down = np.stack([-across[:, 1], across[:, 0]], 1)
    corners = landmarks[:, [48, 54]].mean(1)
    unit = np.nanmedian(np.linalg.norm(corners - (left + right) / 2, axis=1))
    offsets = (landmarks[:, MOUTH] - corners[:, None]) / unit
    return np.asarray(np.einsum("tij,tpj->tpi", np.stack([across, down], 1), offsets))


def seen_lips(landmarks: Float[Tensor, "... 68 2"]) -> Float[Tensor, "... 20 2"]:
    """How lips differ from the mean face's, each frame by itself: identity stays in.

    As of [`upright_lips`][avfuse.geometry.lips.upright_lips], but in units of the frame's own
    distance from eyes to mouth: a stream knows no clip.
    """
    left, right = landmarks[..., 36:42, :].mean(-2), landmarks[..., 42:48, :].mean(-2)
    across = F.normalize(right - left, dim=-1)
    down = torch.stack([-across[..., 1], across[..., 0]], -1)
    corners = landmarks[..., [48, 54], :].mean(-2)
    unit = (corners - (left + right) / 2).norm(dim=-1)[..., None, None]
    offsets = (landmarks[..., MOUTH, :] - corners[..., None, :]) / unit
    return offsets @ torch.stack([across, down], -1) - _mean_lips().to(landmarks)


@functools.cache
def _mean_lips() -> Float[Tensor, "20 2"]:
    return torch.from_numpy(upright_lips(mean_shape()[None, :, :2])[0])


def lip_aperture(lips: Float[Tensor, "... 20 2"]) -> Float[Tensor, "..."]:
    """Mean inner-lip opening of mouth points (48 to 67), in their unit; negative is pressed."""
    upper, lower = lips[..., [13, 14, 15], 1], lips[..., [19, 18, 17], 1]
    return torch.mean(lower - upper, -1)
