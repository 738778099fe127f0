"""Augmentation of whole batches: colours by kornia, alike for both of a pair; voices on the mel."""

import kornia.augmentation as kornia
import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.data.backgrounds import augment_backgrounds
from avfuse.sound.mel import SILENCE
from avfuse.types import Batch


class AugmentPictures(nn.Module):
    """Other light, skin and cameras, drawn anew for each pair and the same for both of it."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            [
                kornia.RandomPlanckianJitter(p=0.3),
                kornia.RandomRGBShift(0.08, 0.08, 0.08, p=0.5),
                kornia.RandomSaturation((0.5, 1.5), p=0.6),
                kornia.RandomBrightness((0.8, 1.2), p=0.6),
                kornia.RandomContrast((0.75, 1.2), p=0.6),
                kornia.RandomLinearIllumination((0.02, 0.2), p=0.3),
                kornia.RandomGaussianBlur((3, 3), (0.3, 0.9), p=0.15),
            ]
        )

    @torch.no_grad()
    def forward(
        self, video1: Float[Tensor, "B T 3 H W"], video2: Float[Tensor, "B T 3 H W"]
    ) -> tuple[Float[Tensor, "B T 3 H W"], Float[Tensor, "B T 3 H W"]]:
        """Augment V1 and V2 alike; all frames of a clip alike too."""
        batch, time, _, *size = video1.shape
        # kornia draws parameters a picture: a clip's frames stand side by side in one tall picture
        tall = [v.transpose(1, 2).flatten(2, 3) for v in (video1, video2)]
        for step in self.steps:
            first = step(tall[0])
            tall = [first, step(tall[1], params=step._params)]
        videos = [t.clamp(0, 1).reshape(batch, 3, time, *size).transpose(1, 2) for t in tall]
        return videos[0], videos[1]


@torch.no_grad()
def augment_voices(mel: Float[Tensor, "B T 80 S"]) -> Float[Tensor, "B T 80 S"]:
    """Other voices, rooms and microphones; a clip's windows alike.

    Vocal tract and pitch (the mel axis stretched and shifted), gain, microphone colour, noise under
    the speech, and a little noise everywhere.
    """
    shape = (mel.shape[0], 1, 1, 1)

    def normal(std: float, *size: int) -> Tensor:
        return torch.randn(*(size or shape), device=mel.device) * std

    voice = _stretch(mel, torch.exp(normal(0.12, mel.shape[0])), normal(2.0, mel.shape[0]))
    colour = normal(0.15, mel.shape[0], 1, mel.shape[2], 1)
    voice = voice + normal(0.4) + colour
    voice = voice + torch.randn_like(mel) * torch.rand(shape, device=mel.device) * 0.3
    floor = SILENCE + 3 * torch.rand(shape, device=mel.device) + 0.2 * torch.randn_like(mel)
    noisy = torch.rand(shape, device=mel.device) < 0.5
    return torch.where(noisy, torch.maximum(voice, floor), voice).clamp(-4, 4)


def augment(batch: Batch, pictures: AugmentPictures) -> Batch:
    """Augment a training batch; landmarks stay, since nothing here moves a face."""
    batch = augment_backgrounds(batch)
    video1, video2 = pictures(batch.video1, batch.video2)
    voices = augment_voices(torch.cat([batch.mel1, batch.mel2], 1))
    mel1, mel2 = voices.chunk(2, 1)
    return batch._replace(video1=video1, video2=video2, mel1=mel1, mel2=mel2)


def _stretch(
    mel: Float[Tensor, "B T 80 S"], factor: Float[Tensor, "B"], shift: Float[Tensor, "B"]
) -> Float[Tensor, "B T 80 S"]:
    bands = mel.shape[2]
    place = torch.arange(bands, device=mel.device) * factor[:, None] + shift[:, None]
    place = place.clamp(0, bands - 1)
    low = place.floor().long().clamp(max=bands - 2)
    share = (place - low)[:, None, :, None]
    index = low[:, None, :, None].expand_as(mel)
    return mel.gather(2, index) * (1 - share) + mel.gather(2, index + 1) * share
