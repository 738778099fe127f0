"""The adversary: real mouth or generated mouth, judged patch by patch."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Strided convolutions to one score a patch; fully convolutional.

    Args:
        channels: of each level; each halves the size.
    """

    def __init__(self, channels: Sequence[int] = (32, 64, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip((3, *channels[:-1]), channels, strict=True):
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.head = spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1))

    def forward(self, image: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 1 h w"]:
        """Scores, 1 for real and 0 for generated."""
        return self.head(self.body(image))
