"""What a training of dynamic kernels adds up, by name; a term without weight is not computed."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.training import losses
from avfuse.types import LIP_UNIT, Batch, Generated

PATCH = 64
"""Pixels a side of the mouth patches that discriminator and checks see."""


def supervision(
    weights: Mapping[str, Any],
    batch: Batch,
    generated: Generated,
    heard: Float[Tensor, "N 40"] | None = None,
) -> dict[str, Tensor]:
    """Every loss of the generator but the adversarial one, weighted.

    Args:
        weights: the training's options, as of
            [`TalkingFace`][avfuse.methods.dynamic_kernels.training.TalkingFace].
        batch: of pairs.
        generated: of both ways of it: V1 with A2, then V2 with A1.
        heard: lip shapes predicted from sound, in units of typical lip motion.
    """
    target, landmarks = targets(batch)
    extra = _extra(weights, landmarks, target)
    factor = weights["reconstruction"]
    one = torch.ones_like(target[:, :1])
    every = one if extra is None else 1 + extra
    terms = {"reconstruction": factor * losses.reconstruction(generated.image, target, every)}
    if weights["motion_weight"]:
        motion = losses.reconstruction(generated.motion, target, one if extra is None else extra)
        terms["motion"] = factor * weights["motion_weight"] * motion
    if weights["mask"] and weights["blend"]:
        terms["mask"] = weights["mask"] * _mask(weights["mask_region"], batch, generated.mask)
    terms |= _details(weights, generated.image, target, landmarks)
    if generated.flow is not None and weights["flow"]:
        moved = losses.displacement(generated.flow, *both_ways(batch))
        terms["flow"] = weights["flow"] * (moved + losses.flow_smoothness(generated.flow))
    if heard is not None:
        shapes = torch.cat([batch.lips2, batch.lips1]).flatten(0, 1).flatten(1)
        terms["lips"] = weights["lips"] * F.smooth_l1_loss(heard.float(), shapes / LIP_UNIT)
    return terms


def _extra(
    weights: Mapping[str, Any], landmarks: Tensor, target: Tensor
) -> Float[Tensor, "N 1 H W"] | None:
    """How much more than others the mouth's pixels count."""
    maps, size = [], target.shape[-2:]
    if weights["mouth"]:
        maps.append(weights["mouth"] * losses.mouth_map(landmarks, *size))
    if weights["opening"]:
        maps.append(weights["opening"] * losses.opening_map(landmarks, *size))
    return torch.stack(maps).sum(0) if maps else None


def _mask(region: str, batch: Batch, mask: Tensor) -> Tensor:
    """The attention mask's regularisers (GANimation's: L1 and total variation)."""
    before, landmarks = both_ways(batch)
    size = mask.shape[-2:]
    allowed = torch.zeros_like(mask)
    if region == "blob":
        allowed = losses.mouth_map(landmarks, *size)
    elif region == "outline":
        allowed = torch.maximum(mouth_mask(before, *size), mouth_mask(landmarks, *size))
    return losses.mask_size(mask, allowed) + losses.mask_smoothness(mask)


def _details(
    weights: Mapping[str, Any], image: Tensor, target: Tensor, landmarks: Tensor
) -> dict[str, Tensor]:
    """What compares mouth patches: edges and texture."""
    wanted = {name: loss for name, loss in _DETAILS.items() if weights[name]}
    if not wanted:
        return {}
    fake, real = (losses.mouth_patch(picture, landmarks, PATCH) for picture in (image, target))
    factor = weights["reconstruction"]
    return {name: factor * weights[name] * loss(fake, real) for name, loss in wanted.items()}


_DETAILS = {"edges": losses.edges, "texture": losses.texture}


def fold(video: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "N 3 H W"]:
    """Fold time; channels last in memory, in which convolutions are fastest on CPUs and GPUs."""
    return video.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def targets(batch: Batch) -> tuple[Tensor, Tensor]:
    """Targets and their landmarks for both ways of a pair, folded: V2 first, then V1."""
    return fold(torch.cat([batch.video2, batch.video1])), both_ways(batch)[1]


def both_ways(batch: Batch) -> tuple[Tensor, Tensor]:
    """Landmarks of sources and of targets, folded, in the order of `targets`."""
    one, other = batch.landmarks1.flatten(0, 1), batch.landmarks2.flatten(0, 1)
    return torch.cat([one, other]), torch.cat([other, one])
