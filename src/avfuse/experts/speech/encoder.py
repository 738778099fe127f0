"""An audio encoder that names phones: the paper's pre-trained audio network, shipped with us.

The network is Wav2Lip's ([`AudioEncoder`][avfuse.layers.audio_encoder.AudioEncoder]); its weights
are the library's own, trained on speech without pictures.
"""

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.experts.speech.phones import PHONES
from avfuse.files.weights import Config, load_network, save_network, shipped
from avfuse.layers.audio_encoder import AudioEncoder

MOMENTS = (4, 8, 12)
"""Mel steps of a window, from its first, whose phones are named: 50 ms before and after the middle,
since lips prepare what comes and keep what was."""


class PhoneNet(nn.Module):
    """The audio encoder and a linear layer that names phones out of its features.

    Args:
        steps: mel steps a window.
        width: of the encoder; 32 is Wav2Lip's.
        phones: their names.
        moments: mel steps of the window whose phones are named, the middle one the frame's own.
    """

    def __init__(
        self,
        steps: int = 16,
        width: int = 32,
        phones: Sequence[str] = PHONES,
        moments: Sequence[int] = MOMENTS,
    ) -> None:
        super().__init__()
        self.phones, self.moments, self.width = tuple(phones), tuple(moments), width
        self.encoder = AudioEncoder(steps, width)
        self.head = nn.Linear(self.encoder.dim, len(self.moments) * len(self.phones))

    def forward(self, mel: Float[Tensor, "N 80 S"]) -> Float[Tensor, "N M P"]:
        """Logits of the phones at the window's moments."""
        return self.head(self.encoder(mel)).unflatten(1, (len(self.moments), len(self.phones)))

    def name(self, mel: Float[Tensor, "N 80 S"]) -> Float[Tensor, "N P"]:
        """Logits of the phone in the middle of each window."""
        return self(mel)[:, len(self.moments) // 2]


def load_speech_encoder(path: Path | None = None) -> AudioEncoder:
    """Load an audio encoder that was trained to name phones, frozen and in evaluation mode.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    return load_phone_net(path).encoder


def load_phone_net(path: Path | None = None) -> PhoneNet:
    """The same with the layer that names the phones.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    path = path or shipped("avfuse.experts.speech", "speech_encoder.safetensors")
    return load_network(_built, path, "speech encoder", "save_phone_net")


def save_phone_net(net: PhoneNet, path: Path, credit: str = "") -> None:
    """Write a speech encoder, matrices in float16; whole or not at all.

    Args:
        net: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
    """
    config = {
        "steps": net.encoder.steps,
        "width": net.width,
        "phones": net.phones,
        "moments": net.moments,
    }
    save_network(net, config, path, credit)


def _built(config: Config) -> PhoneNet:
    return PhoneNet(config["steps"], config["width"], config["phones"], config["moments"])
