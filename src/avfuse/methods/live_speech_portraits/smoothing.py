"""Smoothing over time of what runs ahead of what is shown, so that it looks both ways."""

import torch
from jaxtyping import Float
from torch import Tensor


def smoothed(
    values: Float[Tensor, "T V"],
    kept: Float[Tensor, "K V"] | None,
    sigma: float,
    ahead: int,
) -> tuple[Float[Tensor, "S V"], Float[Tensor, "K V"]]:
    """Lay a Gaussian over values in a row, each as far back as ahead.

    Args:
        values: the next ones.
        kept: what the call before returned; None at the beginning, where the first value stands
            for those before it.
        sigma: standard deviation of the Gaussian, frames; 0 for none.
        ahead: by how many frames the values run ahead of what is shown; the Gaussian reaches as
            far as that at most.

    Returns:
        Of each value that came, the smooth one `ahead` frames before it, those of the first call's
        first `ahead` left out; and what is kept.
    """
    reach = min(ahead, round(3 * sigma))
    if kept is None:
        kept = values[:1].expand(reach, -1)
    every = torch.cat([kept, values])
    shown = len(every) - ahead - reach
    offsets = torch.arange(-reach, reach + 1).to(values)
    weights = torch.exp(-(offsets / max(sigma, 1e-3)).square() / 2)
    windows = every.unfold(0, 2 * reach + 1, 1)[:shown]
    return windows @ (weights / weights.sum()), every[shown:]
