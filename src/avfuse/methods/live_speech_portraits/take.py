"""What a take is: a recording of a person without a break, tracked; and its file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from avfuse.errors import InputError
from avfuse.files.whole import write_whole

_QUALITY = 97  # of the kept pictures (JPEG)


class Take(NamedTuple):
    """A recording of a person in which the face is seen all the time.

    Attributes:
        pictures: all of them as JPEG, one behind the other.
        ends: where each of them ends.
        times: of the frames, seconds in the recording's sound.
        face: the 73 points in space, in the head's own axes, in distances of the outer eye corners.
        poses: rotation vector (radians) and translation.
        shoulders: in pixels of the picture; none where they are not seen.
        mel: of the whole recording's sound.
        focal: of the camera, pixels of the picture.
        centre: where its axis meets the picture, in pixels.
    """

    pictures: UInt8[Tensor, "L"]
    ends: Int[Tensor, "T"]
    times: Float[Tensor, "T"]
    face: Float[Tensor, "T P 3"]
    poses: Float[Tensor, "T 6"]
    shoulders: Float[Tensor, "T S 2"]
    mel: Float[Tensor, "80 N"]
    focal: Float[Tensor, ""]
    centre: Float[Tensor, "2"]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.times[-1] - self.times[0])

    def picture(self, number: int) -> UInt8[Tensor, "H W 3"]:
        """One of its pictures, RGB."""
        begin = int(self.ends[number - 1]) if number else 0
        code = self.pictures[begin : int(self.ends[number])].numpy()
        image = cv2.imdecode(code, cv2.IMREAD_COLOR)
        assert image is not None  # we wrote it
        return torch.from_numpy(image[..., ::-1].copy())

    def between(self, first: float, last: float) -> "Take":
        """The part of it from one share of its length to another."""
        a, b = (round(share * len(self.times)) for share in (first, last))
        begin = int(self.ends[a - 1]) if a else 0
        return self._replace(
            pictures=self.pictures[begin : int(self.ends[b - 1])],
            ends=self.ends[a:b] - begin,
            times=self.times[a:b],
            face=self.face[a:b],
            poses=self.poses[a:b],
            shoulders=self.shoulders[a:b],
        )


def packed(
    pictures: Sequence[UInt8[np.ndarray, "H W 3"]],
) -> tuple[UInt8[Tensor, "L"], Int[Tensor, "T"]]:
    """Pictures, RGB, as a take keeps them: the bytes, and where each ends."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    codes = [cv2.imencode(".jpg", picture[..., ::-1], options)[1] for picture in pictures]
    ends = torch.tensor([len(code) for code in codes]).cumsum(0)
    return torch.from_numpy(np.concatenate(codes)), ends


def write_take(take: Take, path: Path) -> None:
    """Write a take, whole or not at all."""
    write_whole(path, save({name: value.contiguous() for name, value in take._asdict().items()}))


def read_take(path: Path) -> Take:
    """Read what [`write_take`][avfuse.methods.live_speech_portraits.take.write_take] wrote.

    Raises:
        InputError: if it is no take.
    """
    try:
        return Take(**load_file(path))
    except (OSError, SafetensorError, TypeError) as error:
        raise InputError(f"{path} is no take of a person; track the footage again") from error
