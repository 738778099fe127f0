"""The adversary: real mouth or generated mouth, judged patch by patch."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn


class PatchDiscriminator(nn.Module):
    """Strided convolutions to one score a patch, as in pix2pix; fully convolutional.

    Args:
        channels: of each level; each halves the size.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *channels[:-1]), channels, strict=True):
            norm = nn.InstanceNorm2d(outputs, affine=True) if inputs > 3 else nn.Identity()
            layers += [nn.Conv2d(inputs, outputs, 4, 2, 1), norm, nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(channels[-1], 1, 3, 1, 1)

    def forward(self, image: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 1 h w"]:
        """Scores, 1 for real and 0 for generated."""
        return self.head(self.body(image * 2 - 1))
