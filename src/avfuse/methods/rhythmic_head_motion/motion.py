"""The head motion learner Φ (section 3.3): how this person's head follows what is said.

A few frames of somebody and their sound make the weights of the layer that turns sound to poses, so
that it is another function for everybody: the library's own theme, in time.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.causal import CausalConv
from avfuse.layers.dynamic_conv import DynamicConv2d
from avfuse.sound.mel import SILENCE
from avfuse.types import Kernel

NUMBERS = 6
"""Of a pose."""

Kept = tuple[Tensor, ...]
"""The inputs that each temporal convolution still sees."""

_SPREAD = (0.08, 0.08, 0.04, 0.02, 0.02, 0.03)  # of people who keep roughly still


class Rhythm(NamedTuple):
    """A person's motion, as f finds it in reference frames.

    Attributes:
        weights: w, of the layer that makes poses of sound.
        mean: about which the poses are.
    """

    weights: Kernel
    mean: Float[Tensor, "B 6"]


class Block(nn.Module):
    """A dilated causal convolution over time beside a shortcut.

    Args:
        width: channels.
        dilation: frames from one that it sees to the next.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.along = CausalConv(width, width, 3, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(
        self, x: Float[Tensor, "B C T"], kept: Tensor | None
    ) -> tuple[Float[Tensor, "B C T"], Tensor]:
        y, kept = self.along(x, kept)
        return x + self.mix(torch.relu(y)), kept


class HeadMotion(nn.Module):
    """Φ: few-shot, over time, for as long as there is sound.

    Args:
        bands: of the mel windows.
        width: of a frame's audio feature; the paper's weights are 256 × 6 + 6 numbers.
        pairs: features of motion and of sound whose products f averages over the references.
        layers: temporal blocks; each doubles the dilation.

    Attributes:
        spread: standard deviation of each number of a pose over moments.
    """

    spread: Tensor

    def __init__(self, bands: int, width: int = 256, pairs: int = 16, layers: int = 4) -> None:
        super().__init__()
        self.listen = nn.Sequential(
            nn.Conv1d(bands, width, 5, 2, 2), nn.ReLU(), nn.Conv1d(width, width, 5, 2, 2), nn.ReLU()
        )
        self.blocks = nn.ModuleList(Block(width, 2**layer) for layer in range(layers))
        self.moved = nn.Conv1d(NUMBERS, pairs, 5, 1, 2)
        self.said = nn.Conv1d(width, pairs, 1)
        self.encode = nn.Linear(pairs * pairs + 2 * pairs + NUMBERS, width)
        self.refine = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )
        self.anybody = nn.Parameter(torch.zeros(width))
        self.decode = DynamicConv2d(width, NUMBERS, 1, features=width)
        self.register_buffer("spread", torch.tensor(_SPREAD))

    def hear(
        self, heard: Float[Tensor, "B T M S"], kept: Kept | None = None
    ) -> tuple[Float[Tensor, "B C T"], Kept]:
        """Encode the sound of frames in a row.

        Args:
            heard: mel windows.
            kept: what the frames before left; None at the beginning.

        Returns:
            A feature a frame, and what the frames that follow still see.
        """
        windows = self.listen((heard.flatten(0, 1) - SILENCE) / 4).mean(2)
        x = windows.unflatten(0, heard.shape[:2]).mT
        left = []
        for number, block in enumerate(self.blocks):
            x, seen = block(x, None if kept is None else kept[number])
            left.append(seen)
        return x, tuple(left)

    def know(self, poses: Float[Tensor, "B K 6"], heard: Float[Tensor, "B K M S"] | None) -> Rhythm:
        """f: a person's weights, from poses and their sound; anybody's where nothing was heard."""
        mean = poses.mean(1)
        if heard is None:
            code = self.anybody.expand(len(poses), -1)
        else:
            code = self.encode(self._reference((poses - mean[:, None]) / self.spread, heard))
            code = code + self.refine(code)
        return Rhythm(self.decode.kernels(code), mean)

    def follow(self, sound: Float[Tensor, "B C T"], rhythm: Rhythm) -> Float[Tensor, "B T 6"]:
        """Poses that go with encoded sound, by a person's weights: one batched product."""
        made = self.decode.convolve(sound.unsqueeze(3), rhythm.weights)[..., 0].mT
        return rhythm.mean[:, None] + self.spread * made

    def _reference(
        self, poses: Float[Tensor, "B K 6"], heard: Float[Tensor, "B K M S"]
    ) -> Float[Tensor, "B D"]:
        """How motion and sound go together: means, how much moves, and means of products."""
        moved, said = self.moved(poses.mT), self.said(self.hear(heard)[0])
        apart = F.instance_norm(said) if said.shape[2] > 1 else 0 * said
        together = torch.einsum("bpt,bqt->bpq", moved, apart) / poses.shape[1]
        alone = [moved.abs().mean(2), said.mean(2), poses.abs().mean(1)]
        return torch.cat([together.flatten(1), *alone], 1)
