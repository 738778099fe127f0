"""torchvision's Inception v3 as features of FID, with weights that the user brings."""

from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.foreign import load_into

_SIDE = 299


class InceptionFeatures(nn.Module):
    """The 2048 features before Inception v3's classifier; needs the perceptual extra.

    Nothing is downloaded. These are torchvision's weights (`inception_v3_google-0cc3c7bd.pth`), not
    the 2015 ones that published FIDs use: the values compare with one another, not with those.

    Args:
        path: the file of weights, as torchvision publishes it.

    Raises:
        InputError: if the file is missing or holds other weights, or torchvision is missing.
    """

    num_features = 2048

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.network = _inception()
        load_into(self.network, path, "torchvision's inception_v3")
        self.network.fc = nn.Identity()
        self.eval().requires_grad_(False)

    def forward(self, pictures: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 2048"]:
        """Features of RGB in [0, 1], resized to 299 x 299."""
        resized = F.interpolate(pictures.float(), (_SIDE, _SIDE), mode="bilinear", antialias=True)
        return self.network(resized * 2 - 1)


def _inception() -> nn.Module:
    try:
        from torchvision.models import inception_v3
    except (ImportError, OSError, RuntimeError) as error:  # e.g. built for another torch
        raise InputError("Inception needs a working torchvision: avfuse[perceptual]") from error
    return inception_v3(weights=None, init_weights=False)
