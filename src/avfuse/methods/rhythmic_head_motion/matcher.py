"""The motion matcher (section 4.1, eq. 2): the reference whose background is the likeliest."""

from jaxtyping import Float, Int
from torch import Tensor


def matched(
    poses: Float[Tensor, "T 6"], references: Float[Tensor, "K 6"], passed: int = 0
) -> Int[Tensor, "T"]:
    """Which reference's head lies most like each frame's: c_t = min_k |h_t - h_k|².

    Args:
        poses: h_t.
        references: h_k.
        passed: so many that are nearer are passed over: the costlier choice of the training.
    """
    costs = (poses[:, None] - references[None]).square().sum(2)
    return costs.argsort(stable=True)[:, min(passed, len(references) - 1)]
