"""t-SNE (van der Maaten and Hinton 2008), exact: a few hundred points laid out in the plane."""

import torch
from jaxtyping import Float
from torch import Tensor

_ROUNDS, _EARLY = 500, 100
_EXAGGERATED = 12.0  # while it is early, so that clusters form
_SEARCH = 60  # halvings of the search for a width


def tsne(
    points: Float[Tensor, "N D"], perplexity: float = 20.0, seed: int = 0
) -> Float[Tensor, "N 2"]:
    """Lay points out so that neighbours stay neighbours.

    Args:
        points: more than three times the perplexity.
        perplexity: how many neighbours a point has, about.
        seed: of the first layout.
    """
    p = _joint(points.double(), perplexity)
    generator = torch.Generator().manual_seed(seed)
    layout = 1e-4 * torch.randn(len(points), 2, dtype=torch.float64, generator=generator)
    pace, rate = torch.zeros_like(layout), len(points) / _EXAGGERATED  # Belkina et al. 2019
    for number in range(_ROUNDS):
        early = number < _EARLY
        slope = _slope(_EXAGGERATED * p if early else p, layout)
        pace = (0.5 if early else 0.8) * pace - rate * slope
        layout = layout + pace
    return (layout - layout.mean(0)).to(points)


def _joint(points: Float[Tensor, "N D"], perplexity: float) -> Float[Tensor, "N N"]:
    """p_ij: how likely one point picks another, by Gaussians of its own width, made symmetric."""
    squared = torch.cdist(points, points).square()
    low, high = torch.zeros(len(points)).to(squared), torch.full((len(points),), 1e6).to(squared)
    wanted = torch.tensor(perplexity, dtype=squared.dtype).log()
    scale = squared.mean()
    for _ in range(_SEARCH):
        middle = (low + high) / 2
        p = _conditional(squared / scale, middle)
        entropy = -(p * p.clamp_min(1e-30).log()).sum(1)
        wide = entropy > wanted  # too many neighbours: narrower
        low, high = torch.where(wide, middle, low), torch.where(wide, high, middle)
    return (p + p.T) / (2 * len(points))


def _conditional(squared: Float[Tensor, "N N"], precision: Float[Tensor, "N"]) -> Tensor:
    logits = -squared * precision[:, None]
    return logits.fill_diagonal_(-torch.inf).softmax(1)


def _slope(p: Float[Tensor, "N N"], layout: Float[Tensor, "N 2"]) -> Float[Tensor, "N 2"]:
    apart = layout[:, None] - layout
    near = 1 / (1 + apart.square().sum(2))
    near = near.fill_diagonal_(0)
    pull = (p - near / near.sum()) * near
    return 4 * (pull[..., None] * apart).sum(1)
