"""Probabilistic head motion (section 3.3, Fig. 4): where the head goes next, as a distribution."""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.causal import CausalConv
from avfuse.methods.live_speech_portraits.speech import Paired

NUMBERS = 12
"""Of a frame: rotation and translation (6), and how they have changed since the frame before."""

Kept = tuple[Tensor, ...]
"""The inputs that each layer still sees, (B, C, dilation)."""

_STEP = 0.03  # about what a pose changes in a frame, where its deviation over the footage is 1
_LEAST = 0.01, 0.03  # deviation of pose and speed, likewise
_FARTHEST = 2.5  # where hardly any frame was filmed, so that nobody could draw it


class Gaussian(NamedTuple):
    """Eq. 7: what is said of frames, each number by itself.

    Attributes:
        mean: μ.
        log_precision: -ln σ, which is more stable than σ (section 4.2.3).
    """

    mean: Float[Tensor, "B T 12"]
    log_precision: Float[Tensor, "B T 12"]

    @classmethod
    def of(cls, numbers: Float[Tensor, "B T 24"]) -> "Gaussian":
        """Means and logarithms side by side, as networks give them; σ is kept from vanishing."""
        mean, precision = numbers.chunk(2, 2)
        least = torch.tensor(_LEAST).repeat_interleave(NUMBERS // 2).to(numbers)
        return cls(mean, torch.minimum(precision, -least.log()))

    @classmethod
    def after(cls, before: Float[Tensor, "B T 12"], numbers: Float[Tensor, "B T 24"]) -> "Gaussian":
        """The same, poses counted from the frame before, in steps of its size.

        A head hardly moves in a sixtieth of a second: means that are off by the least part of where
        heads can be would be many times what it moves, and it would drift.
        """
        mean, precision = numbers.chunk(2, 2)
        step = before.new_tensor([_STEP, 1.0]).repeat_interleave(NUMBERS // 2)
        base = before * before.new_tensor([1.0, 0.0]).repeat_interleave(NUMBERS // 2)
        return cls.of(torch.cat([base + step * mean, precision - step.log()], 2))

    def surprise(self, x: Float[Tensor, "B T 12"]) -> Float[Tensor, ""]:
        """Eq. 11: -ln of the likelihood of what came, the mean over frames."""
        error = (x - self.mean) * self.log_precision.exp()
        constant = math.log(2 * math.pi) / 2
        return (error.square() / 2 - self.log_precision + constant).sum(2).mean()

    def sample(self, noise: Float[Tensor, "B T 12"]) -> Float[Tensor, "B T 12"]:
        """Eq. 8, by normal noise; less than that of deviation 1 keeps nearer to the mean."""
        return self.mean + noise * (-self.log_precision).exp()


class GatedLayer(nn.Module):
    """tanh(filter) · sigmoid(gate) of what was and what is heard (van den Oord et al. 2016).

    Args:
        channels: of its input.
        condition: of what is heard.
        skip: of what it adds to the sum of all layers.
        dilation: frames between the two that it sees.
        last: whether no layer follows: it then hands nothing on.
    """

    def __init__(
        self, channels: int, condition: int, skip: int, dilation: int, *, last: bool
    ) -> None:
        super().__init__()
        self.seen = CausalConv(channels, 2 * channels, 2, dilation=dilation, bias=False)
        self.heard = nn.Conv1d(condition, 2 * channels, 1, bias=False)
        self.skip = nn.Conv1d(channels, skip, 1, bias=False)
        self.on = None if last else nn.Conv1d(channels, channels, 1, bias=False)

    def forward(
        self, x: Float[Tensor, "B C T"], heard: Float[Tensor, "B E T"], kept: Tensor | None
    ) -> tuple[Float[Tensor, "B C T"], Float[Tensor, "B D T"], Tensor]:
        """What the next layer sees, what is added to the sum, and the inputs that are kept."""
        seen, kept = self.seen(x, kept)
        filtered, gate = (seen + self.heard(heard)).chunk(2, 1)
        y = filtered.tanh() * gate.sigmoid()
        return x if self.on is None else x + self.on(y), self.skip(y), kept


class PoseNetwork(nn.Module, ABC):
    """Where the head goes next, by where it was and what is heard.

    Args:
        features: of a mel step's representation.
        condition: of what a frame hears.
    """

    def __init__(self, features: int, condition: int) -> None:
        super().__init__()
        self.listen = Paired(features, condition)

    def forward(
        self,
        before: Float[Tensor, "B T 12"],
        heard: Float[Tensor, "B T D"],
        kept: Kept | None = None,
    ) -> tuple[Gaussian, Kept]:
        """The distribution of each frame.

        Args:
            before: of each, the frame before it.
            heard: pairs of representations.
            kept: what earlier frames left; None at the beginning.
        """
        return self.predicted(before, self.listen(heard), kept)

    def generate(
        self,
        heard: Float[Tensor, "1 T D"],
        noise: Float[Tensor, "T 12"],
        last: Float[Tensor, "12"],
        kept: Kept | None,
    ) -> tuple[Float[Tensor, "T 12"], Kept]:
        """Frames in a row, each sampled from what the others before it lead to (eq. 6).

        Args:
            heard: pairs of representations.
            noise: normal, by which each is drawn.
            last: the frame before the first.
            kept: what earlier frames left; None at the beginning.

        Returns:
            The frames, and what they leave.
        """
        x, found = last[None, None], []
        for frame, drawn in zip(self.listen(heard).unbind(1), noise, strict=True):
            gaussian, kept = self.predicted(x, frame[:, None], kept)
            x = _within(gaussian.sample(drawn[None, None]))
            found.append(x[0])
        assert kept is not None  # there is at least one frame
        return torch.cat(found), kept

    @abstractmethod
    def predicted(
        self, before: Float[Tensor, "B T 12"], heard: Float[Tensor, "B T E"], kept: Kept | None
    ) -> tuple[Gaussian, Kept]:
        """As `forward`, of what each frame hears."""


class HeadPose(PoseNetwork):
    """Φ of eq. 7: dilated causal convolutions over the poses that were, under what is heard.

    Its parameters are those that the paper counts, but for the last layer's way on, which nobody
    would read.

    Args:
        features: of a mel step's representation.
        channels: of the layers; their sum has twice, what a frame hears four times as many.
        layers: of a block; each doubles the dilation.
        blocks: one behind the other.

    Attributes:
        receptive: F, the frames that a pose depends on.
    """

    def __init__(
        self, features: int, channels: int = 128, layers: int = 7, blocks: int = 2
    ) -> None:
        condition, skip = 4 * channels, 2 * channels
        super().__init__(features, condition)
        dilations = [2**layer for layer in range(layers)] * blocks
        self.receptive = sum(dilations) + 1
        self.first = nn.Conv1d(NUMBERS, channels, 1)
        self.layers = nn.ModuleList(
            GatedLayer(channels, condition, skip, dilation, last=number == len(dilations) - 1)
            for number, dilation in enumerate(dilations)
        )
        self.decode = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(skip, channels, 1),
            nn.ReLU(),
            nn.Conv1d(channels, 2 * NUMBERS, 1),
        )

    def predicted(
        self, before: Float[Tensor, "B T 12"], heard: Float[Tensor, "B T E"], kept: Kept | None
    ) -> tuple[Gaussian, Kept]:
        numbers, left = self.decoded(before, heard, kept)
        return Gaussian.after(before, numbers), left

    def decoded(
        self, before: Float[Tensor, "B T 12"], heard: Float[Tensor, "B T E"], kept: Kept | None
    ) -> tuple[Float[Tensor, "B T 24"], Kept]:
        """What the convolutions say of each frame, and the inputs that they still see."""
        x, sound = self.first(before.mT), heard.mT
        total, left = x.new_zeros(()), []
        for number, layer in enumerate(self.layers):
            x, skip, seen = layer(x, sound, None if kept is None else kept[number])
            total = total + skip
            left.append(seen)
        return self.decode(total).mT, tuple(left)


def _within(numbers: Float[Tensor, "B T 12"]) -> Float[Tensor, "B T 12"]:
    """No pose farther from the mean than the person's head has been."""
    pose, speed = numbers.chunk(2, 2)
    return torch.cat([pose.clamp(-_FARTHEST, _FARTHEST), speed], 2)
