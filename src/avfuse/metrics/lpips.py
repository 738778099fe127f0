"""Learned perceptual distance, with torchmetrics' network and weights that the user brings."""

from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.foreign import read_state
from avfuse.metrics.base import Mean, comparable


class LPIPSNetwork(nn.Module):
    """AlexNet's features, compared layer by layer (Zhang et al. 2018, v0.1); perceptual extra.

    Nothing is downloaded: the weights of the comparison come with torchmetrics, those of AlexNet
    are the user's copy of torchvision's `alexnet-owt-7be5be79.pth`.

    Args:
        path: that file.

    Raises:
        InputError: if the file is missing or holds other weights, or torchvision is missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.network = _without_backbone()
        state = read_state(path)
        backbone = self.network.net
        try:  # its slices number the layers as AlexNet does: slice2.3.bias is features.3.bias
            names = {name: f"features.{name.partition('.')[2]}" for name in backbone.state_dict()}
            backbone.load_state_dict({name: state[theirs] for name, theirs in names.items()})
        except (KeyError, RuntimeError) as error:
            raise InputError(
                f"{path} does not hold the weights of torchvision's alexnet"
            ) from error
        self.eval().requires_grad_(False)

    def forward(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> Float[Tensor, "N"]:
        """Distance of each pair, RGB in [0, 1]."""
        return self.network(prediction, target, normalize=True).flatten()


def lpips(
    prediction: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    network: LPIPSNetwork,
) -> Float[Tensor, "N"]:
    """LPIPS of each picture.

    Args:
        prediction: RGB in [0, 1], sides of at least 32 pixels.
        target: the true pictures.
        network: compares them.

    Returns:
        0 or more, (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    return network(*comparable(prediction, target))


class LPIPS(Mean):
    """Learned perceptual distance, [`lpips`][avfuse.metrics.lpips.lpips].

    The mean over pictures. Unit: none, 0 or more. Lower is better.

    Args:
        network: compares two pictures.
    """

    is_differentiable = True
    higher_is_better = False

    def __init__(self, network: LPIPSNetwork) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def update(
        self, prediction: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]
    ) -> None:
        self.add(lpips(prediction, target, self.network))


def _without_backbone() -> Any:
    """torchmetrics' network; its public door would download AlexNet and unpickle it."""
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    try:
        return _NoTrainLpips(net="alex", pnet_rand=True)
    except (ImportError, OSError, RuntimeError) as error:  # e.g. built for another torch
        raise InputError("LPIPS needs a working torchvision: avfuse[perceptual]") from error
