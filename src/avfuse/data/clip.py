"""What a training clip is on disk: face crops, landmarks, times and mel; nothing to unpickle."""

import copy
import functools
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from avfuse.geometry.lips import lip_shapes, smooth
from avfuse.geometry.pose import fit_poses

_RIGID = slice(27, 48)
"""Nose and eyes: what speaking does not move."""


class Clip(NamedTuple):
    """One preprocessed clip.

    Attributes:
        frames: crops around the head, one fixed square a clip, uint8 RGB (T, H, W, 3).
        landmarks: 68 points in pixels of the crop, (T, 68, 2); NaN where no face was found.
        times: of the frames, in seconds of the recording, float64 (T,).
        mel: of the whole recording, (80, S).
        late: seconds that the sound was late, which `times` make good.
        doubt: why training should leave the clip out, in words that follow its name; else empty.
    """

    frames: UInt8[Tensor, "T H W 3"]
    landmarks: Float[Tensor, "T 68 2"]
    times: Float[Tensor, "T"]
    mel: Float[Tensor, "80 S"]
    late: float = 0.0
    doubt: str = ""


def save_clip(clip: Clip, path: Path) -> None:
    """Write a clip whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}.part")
    *tensors, late, doubt = clip
    named = {k: v.contiguous() for k, v in zip(Clip._fields, tensors, strict=False)}
    save_file(named, part, {"late": str(late), "doubt": doubt})
    part.replace(path)


class ClipFile:
    """A clip whose frames stay on disk until they are asked for.

    Args:
        path: a file by [`save_clip`][avfuse.data.clip.save_clip].
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with safe_open(path, "pt") as file:
            landmarks = file.get_tensor("landmarks").numpy()
            self.times: Tensor = file.get_tensor("times")
            self.mel: Tensor = file.get_tensor("mel")
            self.doubt: str = (file.metadata() or {}).get("doubt", "")
        self.landmarks: Float[np.ndarray, "T 68 2"] = landmarks
        self.rigid: Float[np.ndarray, "T 21 2"] = smooth(landmarks[:, _RIGID])
        self.lips: Float[np.ndarray, "T 20 2"] = lip_shapes(landmarks)
        self.valid = np.flatnonzero(
            ~np.isnan(landmarks).any((1, 2)) & ~np.isnan(self.lips).any((1, 2))
        )

    @functools.cached_property
    def sides(self) -> Float[np.ndarray, "T 3"]:
        """From which side each frame sees the head; NaN where it is not valid.

        The direction away from the camera in the head's own axes
        (see [`HeadPose`][avfuse.geometry.pose.HeadPose]), of length 1: roll plays no part in it.
        """
        sides = np.full((len(self.landmarks), 3), np.nan)
        poses = fit_poses(self.landmarks[self.valid])
        sides[self.valid] = np.reshape([pose.rotation[2] for pose in poses], (-1, 3))
        return sides

    def only(self, valid: Int[np.ndarray, "V"]) -> "ClipFile":
        """The same clip, of whose frames only these are valid; arrays stay shared."""
        one = copy.copy(self)
        one.valid = valid
        one.__dict__.pop("sides", None)
        return one

    def frame(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        """Read one frame."""
        with safe_open(self.path, "pt") as file:
            return file.get_slice("frames")[index].numpy()
