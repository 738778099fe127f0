"""Deep speech representation (section 3.1): what sound is before it is anybody's."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.files.weights import load_network, shipped
from avfuse.layers.autocast import autocast_dtype
from avfuse.sound.mel import Mel

MEL = Mel(bands=80, hop=133, window=266, fft=512, low=90.0, high=7600.0, emphasis=0.0)
"""Log mel spectrogram of section 4.1: 1/60 s a step, and one every 1/120 s, two a frame."""

PAIR = 2
"""Mel steps that a frame brings. Hops are of whole samples, 120.3 a second, so that at 60 frames a
second one step in 400 is nobody's."""


SHIPPED = "shipped"
"""The name of the representation that comes with the library."""

WRITER = "python -m avfuse.methods.live_speech_portraits.speech_file"
"""What writes the file of a representation."""


class APC(nn.Module):
    """Autoregressive predictive coding (Chung and Glass 2020), eq. 1: what may come, from what was.

    Args:
        width: of the hidden states; the last layer's are the representation h.
        layers: L.
    """

    def __init__(self, width: int = 512, layers: int = 3) -> None:
        super().__init__()
        self.width = width
        self.gru = nn.GRU(MEL.bands, width, layers, batch_first=True)

    def forward(
        self, mel: Float[Tensor, "B S 80"], state: Float[Tensor, "L B D"] | None = None
    ) -> tuple[Float[Tensor, "B S D"], Float[Tensor, "L B D"]]:
        """Run over mel steps, from `state` or from zero; h of each, and the state after them."""
        if autocast_dtype(mel.device) is None:
            return self.gru(mel, state)
        with torch.autocast(mel.device.type, enabled=False):  # as of layers.lstm
            return self.gru(mel.float(), state)


def read_representation(name: str, width: int) -> APC:
    """Read a speech representation that was trained before.

    Args:
        name: of a file by [`save_network`][avfuse.files.weights.save_network], or `shipped` for the
            one that comes with the library.
        width: of the hidden states that it is to have.

    Raises:
        InputError: there is none, or it is as wide as another.
    """
    path = shipped(__package__, "speech.safetensors") if name == SHIPPED else Path(name)
    made = load_network(lambda config: APC(**config), path, "a speech representation", WRITER)
    if made.width != width:
        raise InputError(
            f"{path} is a representation of width {made.width}, here {width}; give "
            f"model.speech_width={made.width}"
        )
    return made


class Paired(nn.Module):
    """Two steps' representations in, what a frame hears out: the first layers of both predictors.

    The paper does not tell how 120 steps a second become 60 frames.

    Args:
        features: of a step.
        width: of the output.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(PAIR * features, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
        )

    def forward(self, heard: Float[Tensor, "B T D"]) -> Float[Tensor, "B T E"]:
        return self.layers(heard.flatten(0, 1)).unflatten(0, heard.shape[:2])


def fresh_steps(heard: Float[Tensor, "T M S"], begins: bool) -> Float[Tensor, "R M"]:
    """The mel steps of windows in a row that have not been heard before.

    Args:
        heard: the window of each frame.
        begins: whether the first is the first of all; all of its steps are new then.

    Returns:
        A pair for each frame, those of the first window before them.
    """
    pairs = heard[..., -PAIR:].mT.flatten(0, 1)
    return torch.cat([heard[0].T[:-PAIR], pairs]) if begins else pairs
