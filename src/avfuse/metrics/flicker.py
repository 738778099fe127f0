"""Temporal flicker: what changes from frame to frame that motion does not explain."""

from itertools import pairwise

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor

from avfuse.metrics.base import Mean

_Flow = Float32[np.ndarray, "H W 2"]
# Where going there and back misses by more than this, in pixels, the motion is not to be trusted:
# something came into view, or left it.
_ASTRAY = 1.0


def flicker(video: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T-1"]:
    """Mean absolute difference between each frame and the one before it, warped onto it.

    The warping error of Lai et al. 2018 with L1 for L2: dense optical flow (OpenCV's DIS) of the
    video itself, in both directions; pixels where the two disagree, or whose source lies outside
    the picture, do not count.

    Args:
        video: RGB in [0, 1]; sides of at least 16 pixels.

    Returns:
        Levels of 255, for each pair of consecutive frames, (T - 1,); NaN where no pixel counts.
    """
    frames = (video.detach().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    values = [_change(a, b) for a, b in pairwise(frames)]
    return torch.tensor(values, device=video.device, dtype=torch.float32)


class Flicker(Mean):
    """Temporal flicker, [`flicker`][avfuse.metrics.flicker.flicker].

    The mean over pairs of consecutive frames; one clip an update. Unit: levels of 255. Lower is
    better, down to the truth's own value: a picture that stands still has 0.
    """

    higher_is_better = False

    def update(self, video: Float[Tensor, "T 3 H W"]) -> None:
        self.add(flicker(video))


def _change(before: UInt8[np.ndarray, "H W 3"], now: UInt8[np.ndarray, "H W 3"]) -> float:
    grey_before, grey_now = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (before, now))
    back, forth = _flow(grey_now, grey_before), _flow(grey_before, grey_now)
    axes = (np.arange(length, dtype=np.float32) for length in grey_now.shape[::-1])
    here = np.stack(np.meshgrid(*axes), -1)
    source = here + back
    known = _inside(source) & (np.linalg.norm(back + _sample(forth, source), axis=-1) < _ASTRAY)
    difference = np.abs(_sample(before.astype(np.float32), source) - now).mean(-1)
    return float(difference[known].mean()) if known.any() else float("nan")


def _flow(a: UInt8[np.ndarray, "H W"], b: UInt8[np.ndarray, "H W"]) -> _Flow:
    """Where each pixel of a lies in b, as an offset."""
    still = np.zeros((*a.shape, 2), np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(a, b, still)
    return np.asarray(flow, np.float32)


def _sample(picture: Float32[np.ndarray, "H W C"], at: _Flow) -> Float32[np.ndarray, "H W C"]:
    both = np.empty(0)  # the first map holds x and y
    return cv2.remap(picture, at, both, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _inside(at: _Flow) -> Bool[np.ndarray, "H W"]:
    height, width = at.shape[:2]
    return np.asarray(np.all((at >= 0) & (at <= (width - 1, height - 1)), axis=-1))
