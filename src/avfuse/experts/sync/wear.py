"""What mouths and voices go through in training: other cameras, light, microphones and rooms."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.data.augment import augment_voices
from avfuse.metrics.mouth_crops import SIZE


def worn_mouths(mouths: Float[Tensor, "B T room room"]) -> Float[Tensor, "B T side side"]:
    """Other views, faces, light and cameras; the frames of a clip alike, but for a little shaking.

    Args:
        mouths: in [0, 1], with room at the edges.

    Returns:
        Pictures of side `SIZE`.
    """
    looked = F.grid_sample(
        mouths.flatten(0, 1).unsqueeze(1), _views(mouths), padding_mode="border", align_corners=True
    )
    return _filmed(_lit(looked.view(*mouths.shape[:2], SIZE, SIZE)))


def worn_sound(mel: Float[Tensor, "B T 80 steps"]) -> Float[Tensor, "B T 80 steps"]:
    """Other voices and microphones, and now and then somebody else talking more softly."""
    voices = augment_voices(mel)
    softer = voices.roll(1, 0) - 0.4 - 1.6 * _uniform(mel)
    return torch.where(_uniform(mel) < 0.25, torch.maximum(voices, softer), voices)


def plain_mouths(mouths: Float[Tensor, "B T room room"]) -> Float[Tensor, "B T side side"]:
    """The middle, as the metric looks."""
    room = (mouths.shape[-1] - SIZE) // 2
    return mouths[..., room : room + SIZE, room : room + SIZE]


def _views(mouths: Tensor) -> Float[Tensor, "N side side 2"]:
    """Where each pixel comes from: a similarity, a smooth warp, a mirror; frames shake."""
    batch, time, side = *mouths.shape[:2], mouths.shape[-1]
    device, reach = mouths.device, (SIZE - 1) / (side - 1)

    def normal(std: float, *shape: int) -> Tensor:
        return torch.randn(batch, *shape, device=device) * std

    angle, scale = normal(0.12), reach * torch.exp(normal(0.08))
    aspect, mirror = torch.exp(normal(0.06)), torch.randint(2, (batch,), device=device) * 2 - 1
    cosine, sine = angle.cos() * scale, angle.sin() * scale
    rows = (cosine * aspect * mirror, -sine, sine * mirror, cosine / aspect)
    turn = torch.stack(rows, 1).view(batch, 2, 2)
    axis = torch.linspace(-1, 1, SIZE, device=device)
    plane = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    warp = F.interpolate(normal(0.05, 2, 4, 4), (SIZE, SIZE), mode="bicubic", align_corners=True)
    clip = plane @ turn.transpose(1, 2)[:, None] + warp.permute(0, 2, 3, 1)
    clip = clip + normal(0.07, 1, 1, 2)
    shaking = normal(0.012, time, 1, 1, 2) * torch.rand(batch, 1, 1, 1, 1, device=device)
    return (clip[:, None] + shaking).flatten(0, 1)


def _lit(mouths: Tensor) -> Tensor:
    """Tones and uneven light, a clip's frames alike."""
    field = torch.exp(0.3 * torch.randn(len(mouths), 1, 3, 3, device=mouths.device))
    light = F.interpolate(field, mouths.shape[-2:], mode="bilinear", align_corners=True)
    tone = mouths.clamp(1e-3, 1) ** torch.exp(0.35 * torch.randn_like(mouths[:, :1, :1, :1]))
    return (tone * light).clamp(0, 1.5)


def _filmed(mouths: Tensor) -> Tensor:
    """Softness and noise."""
    small = F.avg_pool2d(mouths, 2)
    soft = F.interpolate(small, mouths.shape[-2:], mode="bilinear")
    share = (1.6 * _uniform(mouths) - 0.6).clamp(min=0)
    noise = torch.randn_like(mouths) * 0.05 * _uniform(mouths).square()
    return mouths.lerp(soft, share) + noise


def _uniform(like: Tensor) -> Tensor:
    """One number in [0, 1) a clip."""
    return torch.rand(len(like), 1, 1, 1, device=like.device)
