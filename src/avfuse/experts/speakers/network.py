"""A small network that names speakers by the cepstra of a second of their speech.

It stands where Everybody's Talkin' (Song et al., eq. 2) has VGGVox, whose weights are not free to
ship.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.files.weights import Config, load_network, save_network, shipped
from avfuse.sound.cepstra import cepstra
from avfuse.sound.mel import SILENCE

COEFFICIENTS = 13
"""Cepstra a step, the first of them how loud it is."""

_LOUD = 10.0


def voice_features(
    mel: Float[Tensor, "*N 80 S"], count: int = COEFFICIENTS
) -> Float[Tensor, "*N S C"]:
    """What a voice is known by: cepstra of log-mel windows, around 1; silence is 0."""
    return cepstra(mel - SILENCE, count) / _LOUD


class SpeakerNet(nn.Module):
    """Convolutions over time, mean and deviation of their outputs, a linear layer (x-vectors).

    After Snyder et al. 2018, small.

    Args:
        speakers: their names.
        width: channels.
        coefficients: cepstra a step.
    """

    def __init__(
        self, speakers: Sequence[str], width: int = 96, coefficients: int = COEFFICIENTS
    ) -> None:
        super().__init__()
        self.speakers, self.width, self.coefficients = tuple(speakers), width, coefficients
        layers: list[nn.Module] = []
        for inputs, dilation in ((coefficients, 1), (width, 2), (width, 3)):
            convolution = nn.Conv1d(inputs, width, 5, dilation=dilation, padding=2 * dilation)
            layers += [convolution, nn.BatchNorm1d(width), nn.LeakyReLU(0.2)]
        self.along = nn.Sequential(*layers)
        self.name = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * width, len(self.speakers)))

    def forward(self, x: Float[Tensor, "N S C"]) -> Float[Tensor, "N K"]:
        """Logits of the speakers.

        Args:
            x: as of `voice_features`, of any length from two steps.
        """
        heard = self.along(x.mT)
        pooled = torch.cat([heard.mean(2), (heard.var(2) + 1e-5).sqrt()], 1)
        return self.name(pooled)


def load_speaker_net(path: Path | None = None) -> SpeakerNet:
    """Load a classifier of speakers, frozen and in evaluation mode.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    path = path or shipped("avfuse.experts.speakers", "speakers.safetensors")
    return load_network(_built, path, "classifier of speakers", "save_speaker_net")


def save_speaker_net(net: SpeakerNet, path: Path, credit: str = "") -> None:
    """Write a classifier of speakers, matrices in float16; whole or not at all.

    Args:
        net: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
    """
    config = {"speakers": net.speakers, "width": net.width, "coefficients": net.coefficients}
    save_network(net, config, path, credit)


def _built(config: Config) -> SpeakerNet:
    return SpeakerNet(config["speakers"], config["width"], config["coefficients"])
