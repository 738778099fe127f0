"""Perceptual losses (Johnson et al. 2016): pictures compared by a network's features.

VGG's weights are their owners' and are not shipped; the library's own face network serves too.
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.faces.landmarks import SIZE, load_net
from avfuse.files.foreign import read_state

_VGG = ((3, 64, 64), (64, 128, 128), (128, 256, 256, 256, 256), (256, 512))
"""Channels of VGG-19's convolutions up to relu4_1, a pooling between groups."""

_FIRST = (1, 6, 11, 20)
"""The first activation of each group, by its number among the layers."""


class Features(nn.Module, ABC):
    """A frozen network that sees pictures at several scales."""

    @abstractmethod
    def features(self, image: Float[Tensor, "N 3 H W"]) -> list[Tensor]:
        """Fine to coarse, each (N, C, h, w)."""

    def forward(
        self, output: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> Float[Tensor, ""]:
        """The mean over scales of the L1 distance; gradients reach the output.

        Args:
            output: RGB in [0, 1].
            target: what it should be like.
        """
        with torch.no_grad():
            wanted = self.features(target)
        pairs = zip(self.features(output), wanted, strict=True)
        return torch.stack([F.l1_loss(one, other) for one, other in pairs]).mean()


class FaceFeatures(Features):
    """The encoder of the landmark network that is shipped: it knows lips from teeth."""

    def __init__(self) -> None:
        super().__init__()
        net = load_net()
        stages = (net.stem, net.down4, net.down8, net.down16)
        self.stages = nn.ModuleList(stages).eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "FaceFeatures":
        """It does not learn: its norms stay as they are."""
        return super().train(False)

    def features(self, image: Float[Tensor, "N 3 H W"]) -> list[Tensor]:
        image = image.float()  # antialiasing knows no bfloat16
        seen = F.interpolate(image, (SIZE, SIZE), mode="bilinear", antialias=True) - 0.5
        found = []
        for stage in self.stages:
            seen = stage(seen)
            found.append(seen)
        return found


class VGGFeatures(Features):
    """VGG-19's features at relu1_1, relu2_1, relu3_1 and relu4_1.

    Args:
        path: the user's copy of torchvision's `vgg19-dcbb9e9d.pth`.

    Raises:
        InputError: if the file is missing or holds other weights.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, path: Path) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for group in _VGG:
            for inputs, outputs in pairwise(group):
                layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers[:-1])
        state = read_state(path)
        own = self.layers.state_dict()
        try:
            self.layers.load_state_dict({name: state[f"features.{name}"] for name in own})
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{path} does not hold the weights of torchvision's vgg19") from error
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("spread", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.requires_grad_(False)

    def features(self, image: Float[Tensor, "N 3 H W"]) -> list[Tensor]:
        seen, found = (image - self.mean) / self.spread, []
        for number, layer in enumerate(self.layers):
            seen = layer(seen)
            if number in _FIRST:
                found.append(seen)
        return found


def features_of(vgg: str | None) -> Features:
    """What a perceptual loss compares: VGG-19's, where a file of its weights is given.

    Args:
        vgg: as of `VGGFeatures`; None for those of the library's own face network.
    """
    return FaceFeatures() if vgg is None else VGGFeatures(Path(vgg))
