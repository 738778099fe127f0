"""The multi-scale PatchGAN of pix2pixHD (Wang et al. 2018): real or made, at several sizes."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.training import losses

Judgement = list[list[Tensor]]
"""Of each scale the features of every layer; the last are its scores, 1 for real and 0 for made."""


class MultiScaleCritic(nn.Module):
    """Discriminators of one shape, each of which sees pictures half as large (pix2pixHD).

    They see the condition map beside the frame, as in pix2pix: what is real depends on it.

    Args:
        inputs: channels of condition and frame.
        channels: of each layer; all but the last halve the size.
        scales: discriminators.
    """

    def __init__(
        self, inputs: int = 4, channels: Sequence[int] = (64, 128, 256, 512), scales: int = 3
    ) -> None:
        super().__init__()
        if scales < 1 or len(channels) < 2:
            raise ValueError(f"scales={scales}, channels={tuple(channels)}; expected 1 and 2 each")
        self.scales = nn.ModuleList(_patches(inputs, channels) for _ in range(scales))

    def forward(
        self, condition: Float[Tensor, "N C H W"], image: Float[Tensor, "N 3 H W"]
    ) -> Judgement:
        """Judge frames, RGB in [0, 1], under what they were drawn from."""
        x, found = torch.cat([condition, image * 2 - 1], 1), []
        for critic in self.scales:
            y, features = x, []
            for layer in cast(nn.ModuleList, critic):
                y = layer(y)
                features.append(y)
            found.append(features)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return found


def _patches(inputs: int, channels: Sequence[int]) -> nn.ModuleList:
    """Layers, each of whose outputs is a feature."""
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(pairwise((inputs, *channels))):
        stride = 1 if number == len(channels) - 1 else 2
        norm = [nn.InstanceNorm2d(b)] if number else []
        layers.append(nn.Sequential(nn.Conv2d(a, b, 4, stride, 2), *norm, nn.LeakyReLU(0.2)))
    return nn.ModuleList([*layers, nn.Conv2d(channels[-1], 1, 4, 1, 2)])


def critical(real: Judgement, made: Judgement) -> Float[Tensor, ""]:
    """The discriminators' side of LSGAN, the mean over scales."""
    pairs = zip(real, made, strict=True)
    scales = [losses.adversarial_discriminator(r[-1], m[-1]) for r, m in pairs]
    return torch.stack(scales).mean()


def fooling(made: Judgement) -> Float[Tensor, ""]:
    """The generator's side, likewise."""
    return torch.stack([losses.adversarial_generator(m[-1]) for m in made]).mean()


def matching(real: Judgement, made: Judgement) -> Float[Tensor, ""]:
    """Feature matching: L1 between the features, the mean over layers and scales."""
    pairs = [p for r, m in zip(real, made, strict=True) for p in zip(r[:-1], m[:-1], strict=True)]
    return torch.stack([F.l1_loss(m, r.detach()) for r, m in pairs]).mean()
