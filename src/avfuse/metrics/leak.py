"""How much of the lips that were given is left in a picture that should show others."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


def leak(
    shown: Float[Tensor, "T"], wanted: Float[Tensor, "T"], given: Float[Tensor, "T"]
) -> Float[Tensor, ""]:
    """The part of a mouth's opening that follows the given lips rather than the wanted ones.

    The weight of `given` where `shown` is told from both by least squares. A network that reads
    landmarks is off by itself; what it is off by has nothing to do with labels of other moments, so
    it has no part in this, as it has in how far lips move.

    Args:
        shown: opening of the inner lips as read off the picture, in any unit; NaN where no face
            was found.
        wanted: of the lips that should be seen, by labels, in that unit.
        given: of those that the picture was made from, likewise.

    Returns:
        0 where nothing of them is left, 1 where they are as they were; NaN where the two cannot be
        told apart.
    """
    return _weight(_moments(shown, wanted, given))


class Leak(Metric):
    """What is left of given lips, [`leak`][avfuse.metrics.leak.leak]; one clip an update.

    Each clip around means of its own, all of them one fit. Unit: none, a share. Lower is better.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    moments: Tensor

    def __init__(self) -> None:
        super().__init__()
        zero = torch.zeros(3, 3, dtype=torch.float64)
        self.add_state("moments", zero, dist_reduce_fx="sum")

    def update(
        self, shown: Float[Tensor, "T"], wanted: Float[Tensor, "T"], given: Float[Tensor, "T"]
    ) -> None:
        self.moments = self.moments + _moments(shown, wanted, given)

    def compute(self) -> Float[Tensor, ""]:
        """The share over every clip so far; NaN before the first."""
        return _weight(self.moments)


def _moments(shown: Tensor, wanted: Tensor, given: Tensor) -> Float[Tensor, "3 3"]:
    """Sums of the products of the three around their means, over frames in which all are known."""
    values = torch.stack([shown, wanted, given]).double()
    values = values[:, ~values.isnan().any(0)]
    if not values.shape[1]:
        return values.new_zeros(3, 3)
    around = values - values.mean(1, keepdim=True)
    return around @ around.T


def _weight(moments: Float[Tensor, "3 3"]) -> Float[Tensor, ""]:
    (_, _, _), (by_wanted, wanted, both), (by_given, _, given) = moments.unbind()
    rest = wanted * given - both**2  # of what is given, that the wanted does not tell
    known = rest > 1e-9 * wanted * given
    alone = torch.where(given > 0, by_given / given, torch.nan)  # where the wanted stands still
    found = torch.where(known, (by_given * wanted - by_wanted * both) / rest, torch.nan)
    return torch.where(wanted > 0, found, alone).float()
