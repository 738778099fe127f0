"""Named, plain functions; every one a mean, so that weights do not depend on sizes."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.geometry.box import MOUTH

LOWER_FACE = [*range(4, 13), *range(48, 68)]
"""Landmarks that speech moves: jaw and lips."""

INNER_LIPS = slice(60, 68)
"""The inner lips, from corner to corner above and back below."""


def reconstruction(
    output: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    weight: Float[Tensor, "N 1 H W"],
) -> Float[Tensor, ""]:
    """L1 between output and target (eq. 3), weighted a pixel."""
    return ((output - target).abs() * weight).mean()


def adversarial_generator(fake: Float[Tensor, "N 1 h w"]) -> Float[Tensor, ""]:
    """LSGAN, the generator's side: scores of its pictures should be 1.

    Eq. 4 as printed has the discriminator maximise what LSGAN minimises; this is LSGAN.
    """
    return ((fake - 1) ** 2).mean()


def adversarial_discriminator(
    real: Float[Tensor, "N 1 h w"], fake: Float[Tensor, "N 1 h w"]
) -> Float[Tensor, ""]:
    """LSGAN, the discriminator's side (eq. 4, to be minimised): real 1, generated 0."""
    return (((real - 1) ** 2).mean() + (fake**2).mean()) / 2


def mask_size(
    mask: Float[Tensor, "N 1 H W"], allowed: Float[Tensor, "N 1 H W"]
) -> Float[Tensor, ""]:
    """Keep the attention mask out of where nothing changes (GANimation's L1, away from the mouth).

    The paper names a mask loss (IV-D) and does not define it.
    """
    return (mask * (1 - allowed)).mean()


def mask_smoothness(mask: Float[Tensor, "N 1 H W"]) -> Float[Tensor, ""]:
    """Total variation of the attention mask, as in GANimation."""
    across = (mask[..., :, 1:] - mask[..., :, :-1]).square().mean()
    down = (mask[..., 1:, :] - mask[..., :-1, :]).square().mean()
    return across + down


def total_variation(image: Float[Tensor, "N 3 H W"]) -> Float[Tensor, ""]:
    """Mean absolute difference of neighbouring pixels: spikes cost, as losses on features leave."""
    return image.diff(dim=-1).abs().mean() + image.diff(dim=-2).abs().mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Float[Tensor, "N 3 H W"], fake: Tensor
) -> Float[Tensor, ""]:
    """How far a critic's slope is from 1 between real and made (Gulrajani et al. 2017).

    Args:
        critic: scores pictures, by patches or whole.
        real: pictures.
        fake: as many.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(real, fake, share).detach().requires_grad_()
    scores = critic(between).flatten(1).mean(1).sum()
    (slope,) = torch.autograd.grad(scores, between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def edges(output: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"]) -> Float[Tensor, ""]:
    """L1 between the differences of neighbouring pixels: blur costs here what L1 forgives."""
    across = (output.diff(dim=-1) - target.diff(dim=-1)).abs().mean()
    down = (output.diff(dim=-2) - target.diff(dim=-2)).abs().mean()
    return across + down


def texture(
    output: Float[Tensor, "N 3 H W"], target: Float[Tensor, "N 3 H W"], reach: int = 8
) -> Float[Tensor, ""]:
    """L1 between how rough the two are around each place, wherever exactly their edges lie.

    Of teeth that may be a pixel off, pixel by pixel nothing is cheaper than a grey mean; it costs
    here.

    Args:
        output: what was made.
        target: what it should be like.
        reach: side of the squares whose roughness is compared, pixels.
    """
    return (_roughness(output, reach) - _roughness(target, reach)).abs().mean()


def _roughness(image: Float[Tensor, "N 3 H W"], reach: int) -> Float[Tensor, "N 1 h w"]:
    """Root mean square of the differences between neighbours, a square of pixels."""
    across, down = (image.diff(dim=d).square().mean(1, keepdim=True) for d in (-1, -2))
    energy = F.avg_pool2d((across[..., 1:, :] + down[..., 1:]).float(), reach, reach // 2)
    return (energy + 1e-6).sqrt()  # the root has no slope at 0


def displacement(
    flow: Float[Tensor, "N 2 H W"],
    source: Float[Tensor, "N 68 2"],
    target: Float[Tensor, "N 68 2"],
) -> Float[Tensor, ""]:
    """L1 in pixels between the flow at the target's lower face and where its landmarks come from.

    The picture alone says little about a flow, for skin has no texture; its landmarks do.
    """
    height, width = flow.shape[-2:]
    place = target[:, LOWER_FACE]
    scale = place.new_tensor([2 / width, 2 / height])
    grid = ((place + 0.5) * scale - 1).unsqueeze(1).to(flow.dtype)
    at = F.grid_sample(flow, grid, padding_mode="border", align_corners=False)
    return (at.squeeze(2).mT - (source[:, LOWER_FACE] - place)).abs().mean()


def flow_smoothness(flow: Float[Tensor, "N 2 H W"]) -> Float[Tensor, ""]:
    """Mean squared difference of neighbouring pixels' flow, in pixels²: faces do not tear."""
    return flow.diff(dim=-1).square().mean() + flow.diff(dim=-2).square().mean()


def mouth_map(
    landmarks: Float[Tensor, "N 68 2"], height: int, width: int
) -> Float[Tensor, "N 1 H W"]:
    """A soft blob over the mouth, 1 in its middle: where lips are and may go.

    A Gaussian around the mouth's centre, as wide as the mouth across and 0.8 of that down.
    """
    mouth = landmarks[:, MOUTH]
    centre = mouth.mean(1)
    span = (landmarks[:, 54] - landmarks[:, 48]).norm(dim=-1).clamp_min(1.0)
    x = torch.arange(width, device=landmarks.device)
    y = torch.arange(height, device=landmarks.device)
    across = ((x[None] - centre[:, :1]) / (0.55 * span[:, None])).square()
    down = ((y[None] - centre[:, 1:]) / (0.45 * span[:, None])).square()
    return torch.exp(-(across[:, None, :] + down[:, :, None]) / 2).unsqueeze(1)


def opening_map(
    landmarks: Float[Tensor, "N 68 2"], height: int, width: int
) -> Float[Tensor, "N 1 H W"]:
    """A soft ellipse between the inner lips, 1 in its middle; thin where they are closed.

    Teeth and the dark behind them are few pixels and say most about what is being spoken.
    """
    inner = landmarks[:, INNER_LIPS]
    centre = inner.mean(1)
    half = torch.stack([(inner[:, 4] - inner[:, 0]).norm(dim=-1), _aperture(inner)], 1) / 2
    across, down = half.clamp_min(1.0).unbind(1)
    x = torch.arange(width, device=landmarks.device)
    y = torch.arange(height, device=landmarks.device)
    far_x = ((x[None] - centre[:, :1]) / across[:, None]).square()
    far_y = ((y[None] - centre[:, 1:]) / down[:, None]).square()
    return torch.exp(-(far_x[:, None, :] + far_y[:, :, None])).unsqueeze(1)


def _aperture(inner: Float[Tensor, "N 8 2"]) -> Float[Tensor, "N"]:
    return (inner[:, [7, 6, 5]] - inner[:, [1, 2, 3]]).norm(dim=-1).mean(1)


def mouth_patch(
    image: Float[Tensor, "N 3 H W"], landmarks: Float[Tensor, "N 68 2"], size: int
) -> Float[Tensor, "N 3 size size"]:
    """Cut an upright square of 1.7 mouth widths around the mouth, resampled to size x size."""
    height, width = image.shape[-2:]
    centre = landmarks[:, MOUTH].mean(1)
    half = 0.85 * (landmarks[:, 54] - landmarks[:, 48]).norm(dim=-1).clamp_min(1.0)
    axis = (torch.arange(size, device=image.device) + 0.5) / size * 2 - 1
    x = (centre[:, :1] + half[:, None] * axis + 0.5) / width * 2 - 1
    y = (centre[:, 1:] + half[:, None] * axis + 0.5) / height * 2 - 1
    grid = torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], -1)
    return F.grid_sample(
        image, grid.to(image.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )
