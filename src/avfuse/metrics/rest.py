"""Whether a mouth rests where nobody speaks."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


def rest(quiet: Float[Tensor, "T"], speech: Float[Tensor, "T"]) -> Float[Tensor, ""]:
    """How much a mouth moves where it hears no speech, by how much it does where it hears some.

    Motion is the change of the lips' opening from frame to frame, so that lips which come to rest
    slowly count as resting, and ones that flap do not.

    Args:
        quiet: opening of the inner lips, in any unit, without speech; NaN where no face was found.
        speech: of the same face in the same frames, in that unit, with speech.

    Returns:
        0 where the mouth rests, 1 where it moves as if it heard speech; NaN where it never moves.
    """
    return _ratio(*_motion(quiet, speech))


class Rest(Metric):
    """Motion of a mouth that should rest, [`rest`][avfuse.metrics.rest.rest].

    All motion without speech over all with; one clip an update. Unit: none, a ratio. Lower is
    better.
    """

    higher_is_better = False
    is_differentiable = False
    full_state_update = False
    quiet: Tensor
    speech: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("quiet", "speech"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, quiet: Float[Tensor, "T"], speech: Float[Tensor, "T"]) -> None:
        moved, spoken = _motion(quiet, speech)
        self.quiet = self.quiet + moved
        self.speech = self.speech + spoken

    def compute(self) -> Float[Tensor, ""]:
        """The ratio over every clip so far; NaN before the first."""
        return _ratio(self.quiet, self.speech)


def _motion(
    quiet: Float[Tensor, "T"], speech: Float[Tensor, "T"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sums over the steps in which both are known."""
    steps = torch.stack([quiet, speech]).double().diff(dim=1).abs()
    moved, spoken = steps[:, ~steps.isnan().any(0)].sum(1)
    return moved, spoken


def _ratio(quiet: Float[Tensor, ""], speech: Float[Tensor, ""]) -> Float[Tensor, ""]:
    return torch.where(speech > 0, quiet / speech, torch.nan).float()
