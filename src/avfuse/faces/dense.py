"""Where the 468 dense points of a face are, with depth: a second small network, shipped too.

It looks at a face whose 68 landmarks are known, upright and large, and gives all points at once: a
forehead under hair or a cheek has no texture of its own for a heatmap to find.
"""

import copy
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from avfuse.faces.blocks import ConvNorm, Residual, folded, one_thread
from avfuse.files.weights import Config, load_network, save_network, shipped
from avfuse.geometry.affine import transform
from avfuse.geometry.box import Box, Frame, crop, eyes_and_corners, frame_to_crop
from avfuse.geometry.dense import POINTS

SIZE = 112
"""Pixels a side of what the network sees."""

SIDE, BELOW = 3.2, 0.45
"""Side of what the network sees, and how far its middle lies below the eyes, in distances from the
eyes' middle to that of the mouth's corners: from above the forehead to below the chin."""

_CELLS = (SIZE // 16) ** 2
_PIXELS = 10.0  # the last layer's unit


class DenseNet(nn.Module):
    """A small residual network: (N, 3, 112, 112) in [0, 1] -> 468 points in pixels of the input.

    Its first half is that of [`LandmarkNet`][avfuse.faces.landmarks.LandmarkNet]; what it sees in
    each of 7 x 7 cells goes through one hidden layer, whose outputs mix shapes of faces.

    Args:
        channels: at a half, a quarter, an eighth and a sixteenth of the resolution.
        squeezed: channels a cell that the hidden layer sees.
        hidden: its width.
    """

    def __init__(
        self,
        channels: tuple[int, int, int, int] = (16, 32, 48, 96),
        squeezed: int = 32,
        hidden: int = 256,
    ) -> None:
        super().__init__()
        half, quarter, eighth, deep = channels
        self.config = {"channels": channels, "squeezed": squeezed, "hidden": hidden}
        self.stem = ConvNorm(3, half, 3, 2)
        self.down4 = ConvNorm(half, quarter, 3, 2)
        self.down8 = nn.Sequential(ConvNorm(quarter, eighth, 3, 2), Residual(eighth))
        self.down16 = nn.Sequential(ConvNorm(eighth, deep, 3, 2), Residual(deep))
        self.squeeze = ConvNorm(deep, squeezed, 1)
        self.hidden = nn.Linear(squeezed * _CELLS, hidden)
        self.points = nn.Linear(hidden, 3 * POINTS)

    def forward(self, image: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 468 3"]:
        deep = self.down16(self.down8(self.down4(self.stem(image - 0.5))))
        seen = torch.relu(self.hidden(self.squeeze(deep).flatten(1)))
        return _PIXELS * self.points(seen).unflatten(1, (POINTS, 3))

    @torch.no_grad()
    def start_at(self, mean: Float[Tensor, "468 3"]) -> None:
        """Let training begin at a mean face, in pixels of the input."""
        self.points.bias.copy_(mean.flatten() / _PIXELS)


class DenseReader:
    """Reads the dense points of faces whose 68 landmarks are known.

    Args:
        net: in evaluation mode; None takes the shipped one.
        device: where it runs, as torch names it.
    """

    def __init__(self, net: DenseNet | None = None, device: str = "cpu") -> None:
        net = load_dense_net() if net is None else copy.deepcopy(net).eval()
        self.device = torch.device(device)
        self._net = folded(net.to(self.device, memory_format=torch.channels_last))  # type: ignore[call-overload]

    def read(
        self, image: Frame, landmarks: Float[np.ndarray, "68 2"]
    ) -> Float[np.ndarray, "468 3"]:
        """Read one face.

        Args:
            image: upright RGB frame.
            landmarks: in pixels of the frame.

        Returns:
            468 points: x and y in pixels of the frame, and depth in the same unit, growing away
            from the camera, 0 in the middle of the head.
        """
        box, roll = upright(landmarks)
        with one_thread():
            points = self.read_crops(crop(image, box, SIZE, roll)[None])[0]
        back = cv2.invertAffineTransform(frame_to_crop(box, SIZE, roll))
        return np.column_stack([transform(points[:, :2], back), points[:, 2] * box.side / SIZE])

    def read_crops(self, crops: UInt8[np.ndarray, "N 112 112 3"]) -> Float[np.ndarray, "N 468 3"]:
        """Read many faces at once.

        Args:
            crops: RGB, what `upright` says of each face.

        Returns:
            The points in pixels of the crops, depth in the same unit.
        """
        with torch.inference_mode():
            images = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2) / 255
            return self._net(images).cpu().numpy()


def upright(landmarks: Float[np.ndarray, "68 2"]) -> tuple[Box, float]:
    """What the network sees of a face: a square, and by how many degrees its roll turns it."""
    eyes, corners = eyes_and_corners(landmarks)
    x, y = eyes + BELOW * (corners - eyes)
    half = SIDE / 2 * math.dist(eyes, corners)
    across, down = corners - eyes
    roll = math.degrees(math.atan2(-across, down))
    return Box(float(x) - half, float(y) - half, float(x) + half, float(y) + half), roll


def load_dense_net(path: Path | None = None) -> DenseNet:
    """Load a dense network, in float32 and evaluation mode.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    path = path or shipped("avfuse.faces", "dense.safetensors")
    return load_network(_built, path, "network of dense points", "save_dense_net")


def save_dense_net(net: DenseNet, path: Path, credit: str = "") -> None:
    """Write a dense network, weights in float16; whole or not at all.

    Args:
        net: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
    """
    save_network(net, net.config, path, credit)


def _built(config: Config) -> DenseNet:
    return DenseNet(**{**config, "channels": tuple(config["channels"])})
