"""Manifold projection (section 3.1.1): anybody's speech, told in a person's own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

RIDGE = 1e-3
"""How much squares of the weights count beside the error, in mean squared distances of the
neighbours: where they are alike, eq. 2 alone lets weights grow without bound."""


class Manifold(nn.Module):
    """A person's representations D, onto which others are projected (Roweis and Saul 2000).

    Args:
        rows: of the bank, at most.
        features: of a representation.
        neighbours: K of eq. 2; 0 leaves everything as it is.

    Attributes:
        bank: D.
        count: of its rows that were filled; 0 until `fit` was called, and nothing is projected.
    """

    bank: Tensor
    count: Tensor

    def __init__(self, rows: int, features: int, neighbours: int = 10) -> None:
        super().__init__()
        if rows < neighbours:
            raise ValueError(f"a bank of {rows} rows has no {neighbours} neighbours; give more")
        self.neighbours = neighbours
        self.register_buffer("bank", torch.zeros(rows, features))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def fit(self, features: Float[Tensor, "N D"]) -> None:
        """Take a person's representations, as many as there are rows, spread evenly."""
        kept = min(len(features), len(self.bank))
        places = torch.linspace(0, len(features) - 1, kept).round().long()
        self.bank[:kept] = features[places].to(self.bank)
        self.count.fill_(kept)

    def forward(self, h: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        """Eq. 3: the nearest thing to each that the person's neighbours make."""
        known = self.bank[: int(self.count)]
        if not self.neighbours or len(known) < self.neighbours:
            return h
        near = known[nearest(h, known, self.neighbours)]
        return torch.einsum("nk,nkd->nd", barycentric(h, near), near)


def nearest(
    h: Float[Tensor, "N D"], bank: Float[Tensor, "R D"], count: int
) -> Int[Tensor, "N count"]:
    """Which rows of a bank are the nearest to each vector, by Euclidean distance."""
    squares = torch.linalg.vecdot(bank, bank)
    return torch.addmm(squares[None], h, bank.T, alpha=-2).topk(count, largest=False).indices


def barycentric(
    h: Float[Tensor, "N D"], near: Float[Tensor, "N K D"], ridge: float = RIDGE
) -> Float[Tensor, "N K"]:
    """Eq. 2: weights of sum 1 by which neighbours make each vector best.

    With weights of sum 1, h - Σ w_k f_k = Σ w_k (h - f_k): a square form of K numbers, whose least
    value under that constraint is where its matrix maps the weights to equal numbers.

    Args:
        h: vectors.
        near: neighbours of each.
        ridge: how much squares of the weights count beside the error, in mean squared distances.
    """
    apart = h[:, None] - near
    form = apart @ apart.mT
    power = form.diagonal(dim1=1, dim2=2).mean(1)
    # A vector that is its neighbours' common place may be made of them in any way: evenly.
    lift = (ridge * power).clamp_min(torch.finfo(h.dtype).tiny ** 0.5)
    form = form + torch.diag_embed(lift[:, None].expand(-1, form.shape[1]))
    weights = torch.linalg.solve(form, torch.ones_like(form[:, 0]))
    return weights / weights.sum(1, keepdim=True)
