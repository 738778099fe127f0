"""SyncNet (Chung and Zisserman 2016): five frames and 0.2 s of sound, as two vectors to compare."""

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.files.foreign import load_into

FRAMES = 5
"""Frames of one window."""
STEPS = 20
"""MFCC steps of one window, four a frame."""
SIDE = 224
"""Pixels a side of the faces."""
WIDTH = 1024
"""Numbers of an embedding."""


class SyncNet(nn.Module):
    """The two branches of SyncNet, 13.6 M parameters; untrained until weights are loaded.

    The parts are named and numbered as in the weights that are passed around as
    `syncnet_v2.model`, so that they load as they are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud, self.netfcaud = _sound(), _head()
        self.netcnnlip, self.netfclip = _face(), _head()

    @classmethod
    def load(cls, path: Path) -> "SyncNet":
        """SyncNet with weights from a file such as `syncnet_v2.model`, in evaluation mode.

        Raises:
            InputError: if there is no such file, or it holds anything but these weights.
        """
        network = cls()
        load_into(network, path, "SyncNet (syncnet_v2.model)")
        return network.eval().requires_grad_(False)

    def faces(self, frames: Float[Tensor, "N 3 5 224 224"]) -> Float[Tensor, "N 1024"]:
        """Embed windows of faces: BGR, 0 to 255, five frames each."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))

    def sound(self, mfcc: Float[Tensor, "N 1 13 20"]) -> Float[Tensor, "N 1024"]:
        """Embed windows of sound: MFCCs, 20 steps each."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))


def _sound() -> nn.Sequential:
    """13 x 20 coefficients to 512 numbers."""
    return nn.Sequential(
        *_layer(nn.Conv2d(1, 64, 3, padding=1)),
        nn.Identity(),  # a pooling by 1, which the weights' numbering counts
        *_layer(nn.Conv2d(64, 192, 3, padding=1)),
        nn.MaxPool2d(3, (1, 2)),
        *_layer(nn.Conv2d(192, 384, 3, padding=1)),
        *_layer(nn.Conv2d(384, 256, 3, padding=1)),
        *_layer(nn.Conv2d(256, 256, 3, padding=1)),
        nn.MaxPool2d(3, 2),
        *_layer(nn.Conv2d(256, 512, (5, 4))),
    )


def _face() -> nn.Sequential:
    """Five frames of 224 x 224 to 512 numbers; the first layer sees all five, the others one."""
    half, kernel, same = (1, 2, 2), (1, 3, 3), (0, 1, 1)
    return nn.Sequential(
        *_layer(nn.Conv3d(3, 96, (FRAMES, 7, 7), half)),
        nn.MaxPool3d(kernel, half),
        *_layer(nn.Conv3d(96, 256, (1, 5, 5), half, same)),
        nn.MaxPool3d(kernel, half, same),
        *_layer(nn.Conv3d(256, 256, kernel, padding=same)),
        *_layer(nn.Conv3d(256, 256, kernel, padding=same)),
        *_layer(nn.Conv3d(256, 256, kernel, padding=same)),
        nn.MaxPool3d(kernel, half),
        *_layer(nn.Conv3d(256, 512, (1, 6, 6))),
    )


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return convolution, norm(convolution.out_channels), nn.ReLU()


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, WIDTH))
