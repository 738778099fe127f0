"""Do lips and sound belong together? A small network of the library's own, shipped with it.

Two encoders, one for what is seen and one for what is heard, give unit vectors whose product is
high where both belong to one moment. The idea is SyncNet's (Chung and Zisserman 2016, "Out of
time"); network, data and weights are not, and neither are its scores.
"""

from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.files.weights import Config, load_network, save_network, shipped
from avfuse.layers.blocks import ConvBlock

FRAMES = 5
"""Frames that one window of what is seen spans: 200 ms."""

STEPS = 24
"""Mel steps that one window of what is heard spans: 300 ms."""


class SyncExpert(nn.Module):
    """Embeds windows of mouths and of sound on one sphere.

    Args:
        channels: of what is seen, fine to coarse; half as many of what is heard.
        width: D, of the embeddings.
    """

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 128), width: int = 128) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        fine, middle, coarse = channels
        self.looks = nn.Sequential(
            ConvBlock(3, fine, kernel_size=7, stride=4),  # three frames, so that it sees motion
            ConvBlock(fine, middle, stride=2),
            ConvBlock(middle, coarse, stride=2),
            nn.Flatten(),
            nn.Linear(coarse * 3 * 3, width),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.motion = nn.Conv1d(width, width, 3)
        self.sound = nn.Sequential(
            nn.AvgPool2d((2, 1)),  # 40 bands tell vowels; finer ones tell voices
            ConvBlock(1, fine // 2, stride=2),
            ConvBlock(fine // 2, middle // 2, stride=2),
            ConvBlock(middle // 2, coarse // 2, stride=2),
            nn.Flatten(),
            nn.Linear(coarse // 2 * 5 * 3, width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(width, width),
        )

    def see(self, mouths: Float[Tensor, "B T side side"]) -> Float[Tensor, "B windows D"]:
        """Embed every window of `FRAMES` frames.

        Args:
            mouths: by [`mouth_crops`][avfuse.metrics.mouth_crops.mouth_crops], any linear scale:
                brightness and contrast do not matter.

        Returns:
            Unit vectors; window i is centred on frame i + 2, so there are T - 4.
        """
        triples = mouths.unfold(1, 3, 1).permute(0, 1, 4, 2, 3)
        batch, count = triples.shape[:2]
        triples = F.layer_norm(triples, triples.shape[2:])
        looks = self.looks(triples.flatten(0, 1)).unflatten(0, (batch, count))
        return F.normalize(self.motion(looks.transpose(1, 2)).transpose(1, 2).float(), dim=-1)

    def hear(self, mel: Float[Tensor, "N 80 steps"]) -> Float[Tensor, "N D"]:
        """Embed mel windows of `STEPS` steps as unit vectors."""
        return F.normalize(self.sound(mel.unsqueeze(1) / 4).float(), dim=-1)


def load_expert(path: Path | None = None) -> SyncExpert:
    """Load a sync expert, in float32 and evaluation mode.

    Args:
        path: of its weights; None takes the shipped ones.

    Raises:
        InputError: if the file is none of ours.
    """
    path = path or shipped("avfuse.metrics", "sync_expert.safetensors")
    return load_network(_built, path, "sync expert", "save_expert")


def save_expert(expert: SyncExpert, path: Path, credit: str = "") -> None:
    """Write a sync expert, weights in float16; whole or not at all.

    Args:
        expert: what to save.
        path: of the file.
        credit: the data it was trained on and their licences.
    """
    config = {"channels": expert.channels, "width": expert.width}
    save_network(expert, config, path, credit)


def _built(config: Config) -> SyncExpert:
    return SyncExpert(tuple(config["channels"]), config["width"])
