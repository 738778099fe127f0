"""Where the 68 points of a face are: a small network of the library's own, shipped with it.

Heatmaps at a quarter of the input's resolution, each read off as its centre of mass, so the points
have fractions of a pixel and move smoothly with the picture.
"""

import copy
import functools
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from avfuse.faces.blocks import ConvNorm, Residual, folded, one_thread
from avfuse.files.weights import Config, load_network, save_network, shipped
from avfuse.geometry.box import Box, Frame, crop, frame_to_crop

SIZE = 112
"""Pixels a side of what the network sees."""

ROOM = 1.15
"""Side of what the network sees, in sides of the box: when it errs, brows and chin stay in."""

_STRIDE = 4


class LandmarkNet(nn.Module):
    """A small residual U-shaped network: (N, 3, 112, 112) in [0, 1] -> heatmaps and a face's odds.

    Args:
        channels: at a half, a quarter, an eighth and a sixteenth of the resolution.
        points: number of landmarks.
    """

    def __init__(
        self, channels: tuple[int, int, int, int] = (16, 32, 48, 96), points: int = 68
    ) -> None:
        super().__init__()
        half, quarter, eighth, deep = channels
        self.channels, self.points = channels, points
        self.stem = ConvNorm(3, half, 3, 2)
        self.down4 = ConvNorm(half, quarter, 3, 2)
        self.down8 = nn.Sequential(ConvNorm(quarter, eighth, 3, 2), Residual(eighth))
        self.down16 = nn.Sequential(ConvNorm(eighth, deep, 3, 2), Residual(deep))
        self.context = nn.Linear(deep, deep)
        self.face = nn.Linear(deep, 1)
        self.up8 = nn.Sequential(nn.Conv2d(deep, eighth, 1), nn.Upsample(scale_factor=2))
        self.mix8 = ConvNorm(eighth, eighth, 3)
        self.up4 = nn.Sequential(nn.Conv2d(eighth, quarter, 1), nn.Upsample(scale_factor=2))
        self.mix4 = ConvNorm(quarter, 2 * quarter, 3)
        self.heat = nn.Conv2d(2 * quarter, points, 1)

    def forward(
        self, image: Float[Tensor, "N 3 H W"]
    ) -> tuple[Float[Tensor, "N P h w"], Float[Tensor, "N"]]:
        fine = self.down4(self.stem(image - 0.5))
        middle = self.down8(fine)
        deep = self.down16(middle)
        mean = deep.mean((2, 3))
        deep = deep + self.context(mean)[..., None, None]
        middle = self.mix8(middle + self.up8(deep))
        heat = self.heat(self.mix4(fine + self.up4(middle)))
        return heat, self.face(mean).squeeze(-1)


def centres(heat: Float[Tensor, "N P h w"], stride: int = _STRIDE) -> Float[Tensor, "N P 2"]:
    """Each heatmap's centre of mass, in pixels of the network's input.

    Args:
        heat: logits.
        stride: pixels of the input a cell.
    """
    # Cells before points, as channels-last heatmaps lie in memory.
    mass = heat.permute(0, 2, 3, 1).flatten(1, 2).softmax(1)
    rows, columns = heat.shape[2:]
    return (_cells(rows, columns, stride, heat.device, heat.dtype) @ mass).mT


@functools.cache
@torch.inference_mode(False)  # training may want them next
def _cells(
    rows: int, columns: int, stride: int, device: torch.device, dtype: torch.dtype
) -> Float[Tensor, "2 cells"]:
    """Middles (x, y) of a heatmap's cells, row by row, in pixels of the network's input."""
    cells = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).flip(1).mT
    return (stride * (cells.to(device, dtype) + 0.5) - 0.5).contiguous()


class LandmarkReader:
    """Reads the landmarks of faces whose place is roughly known.

    Made for boxes up to 10 % off in side and 6 % in place, and for heads tilted by up to 30°; a
    second reading with the box of the first one's landmarks takes more.

    Args:
        net: in evaluation mode; None takes the shipped one.
        device: where it runs, as torch names it.
    """

    def __init__(self, net: LandmarkNet | None = None, device: str = "cpu") -> None:
        net = load_net() if net is None else copy.deepcopy(net).eval()
        self.device = torch.device(device)
        self._net = folded(net.to(self.device, memory_format=torch.channels_last))  # type: ignore[call-overload]

    def read(self, image: Frame, box: Box) -> tuple[Float[np.ndarray, "68 2"], float]:
        """Read one face.

        Args:
            image: upright RGB frame.
            box: the network's square around the face, in pixels of the frame.

        Returns:
            68 landmarks in pixels of the frame, and the confidence that they are a face's, in
            [0, 1].
        """
        wide = widened(box)
        with one_thread():
            points, confidence = self.read_crops(crop(image, wide, SIZE)[None])
        matrix = frame_to_crop(wide, SIZE)
        return (points[0] - matrix[:, 2]) / matrix[0, 0], float(confidence[0])

    def read_crops(
        self, crops: UInt8[np.ndarray, "N S S 3"]
    ) -> tuple[Float[np.ndarray, "N 68 2"], Float[np.ndarray, "N"]]:
        """Read many faces at once.

        Args:
            crops: RGB, the box widened by `ROOM`; resampled to 112 x 112 if they are not.

        Returns:
            Landmarks in pixels of the crops, and the confidences in [0, 1].
        """
        side = crops.shape[1]
        with torch.inference_mode():
            images = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2) / 255
            if side != SIZE:
                images = nn.functional.interpolate(
                    images, (SIZE, SIZE), mode="bilinear", antialias=True
                )
            heat, face = self._net(images)
            points, confidence = centres(heat).cpu().numpy(), face.sigmoid().cpu().numpy()
        return (points + 0.5) * (side / SIZE) - 0.5, confidence


def widened(box: Box) -> Box:
    """The square that the network sees of a box, around the same centre."""
    return box.grown(ROOM)


def load_net(path: Path | None = None) -> LandmarkNet:
    """Load a landmark network, in float32 and evaluation mode.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    path = path or shipped("avfuse.faces", "landmarks.safetensors")
    return load_network(_built, path, "landmark network", "save_net")


def save_net(net: LandmarkNet, path: Path, credit: str = "") -> None:
    """Write a landmark network, weights in float16; whole or not at all.

    Args:
        net: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
    """
    config = {"channels": net.channels, "points": net.points}
    save_network(net, config, path, credit)


def _built(config: Config) -> LandmarkNet:
    return LandmarkNet(tuple(config["channels"]), config["points"])
