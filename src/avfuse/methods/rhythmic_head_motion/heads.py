"""Clips taken apart once: whose head it is, how it lies and what it expresses in every frame."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.geometry.affine import transform
from avfuse.geometry.box import Box, box_from_landmarks, crop, frame_to_crop, square_around
from avfuse.geometry.camera import WeakPerspective
from avfuse.methods.rhythmic_head_motion.head import (
    Disentangled,
    camera_of,
    disentangled,
    pose_numbers,
)
from avfuse.methods.rhythmic_head_motion.method import FRAMING
from avfuse.sound.mel import Hearing, mel_windows


class Head:
    """A clip and what was found in the frames that show the face; kept beside it once found.

    Args:
        clip: with landmarks.

    Attributes:
        found: poses are in the clip's own picture.
    """

    def __init__(self, clip: ClipFile) -> None:
        self.clip = clip
        self.side = clip.frame(int(clip.valid[0])).shape[0]
        self.found = _kept(clip) or _found(clip, self.side)

    def part(self, places: slice) -> "Passage":
        """Frames in a row, of those that show the face."""
        return Passage(self, np.arange(len(self.clip.valid))[places])


class Passage:
    """Frames of a clip, and the square in which they are looked at.

    Args:
        head: whose.
        places: of the frames, among those that show the face.
        square: in pixels of the clip; None for the one around all of them, as at use.
    """

    def __init__(self, head: Head, places: np.ndarray, square: Box | None = None) -> None:
        self.head, self.places = head, places
        self.numbers = head.clip.valid[places]
        boxes = [box_from_landmarks(points) for points in head.clip.landmarks[self.numbers]]
        self.square = square or square_around(boxes)

    def at(self, places: np.ndarray) -> "Passage":
        """Some of the frames, in the same square."""
        return Passage(self.head, self.places[places], self.square)

    def seen_from(self, count: int) -> "Passage":
        """The same in the square around the first frames: those that a method has met."""
        return Passage(self.head, self.places, Passage(self.head, self.places[:count]).square)

    def nudged(self, rng: np.random.Generator, strength: float) -> "Passage":
        """The same in a square that lies elsewhere and is of another size."""
        side = self.square.side * strength
        x, y = (rng.normal(0, 0.03, 2) * side).tolist()
        grown = self.square.grown(float(np.exp(rng.normal(0, 0.06) * strength)))
        moved = Box(grown.x0 + x, grown.y0 + y, grown.x1 + x, grown.y1 + y)
        return Passage(self.head, self.places, moved)

    def heard(self, hears: Hearing) -> Float[Tensor, "T M S"]:
        """Their sound."""
        return mel_windows(self.head.clip.mel, self.head.clip.times[self.numbers], hears)

    def images(self, size: int) -> UInt8[Tensor, "T 3 size size"]:
        """What they show in the square."""
        box, clip = self.square.framed(FRAMING), self.head.clip
        crops = [crop(clip.frame(int(number)), box, size) for number in self.numbers]
        return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def points(self, size: int) -> Float[Tensor, "T 68 2"]:
        """Their landmarks, in pixels of the square."""
        matrix = frame_to_crop(self.square.framed(FRAMING), size)
        every = self.head.clip.landmarks[self.numbers]
        return torch.from_numpy(np.stack([transform(p, matrix) for p in every])).float()

    @property
    def found(self) -> Disentangled:
        """What was found in them, poses in the square."""
        identity, expression, poses = self.head.found
        rows = torch.from_numpy(self.places)
        camera, box = camera_of(poses[rows], self.head.side), self.square.framed(FRAMING)
        scale, matrix = 1 / box.side, torch.from_numpy(frame_to_crop(box, 1))
        moved = camera.translation @ matrix[:, :2].T + matrix[:, 2]
        seen = WeakPerspective(camera.rotation, moved, scale * camera.scale)
        return Disentangled(identity, expression[rows], pose_numbers(seen, 1))


def _beside(clip: ClipFile) -> Path:
    return clip.path.with_suffix(".head")


def _kept(clip: ClipFile) -> Disentangled | None:
    """What was found before, if it is of these frames."""
    try:
        found = Disentangled(**load_file(_beside(clip)))
    except (OSError, TypeError, SafetensorError):
        return None
    return found if len(found.poses) == len(clip.valid) else None


def _found(clip: ClipFile, side: int) -> Disentangled:
    points = torch.from_numpy(clip.landmarks[clip.valid]).float()
    found = disentangled(points, side)
    part = _beside(clip).with_suffix(".part")
    save_file({name: part.contiguous() for name, part in found._asdict().items()}, part)
    part.replace(_beside(clip))
    return found
