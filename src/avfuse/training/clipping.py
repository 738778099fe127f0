"""Gradients are kept from growing without bounds."""

from torch import nn
from torch.optim import Optimizer


def clip(optimizer: Optimizer, largest: float) -> None:
    """Scale the gradients of all of an optimizer's weights down to a norm, if theirs is larger.

    Lightning's own refuses fused optimizers in mixed precision, for the sake of those that scale
    losses, as with float16; with bfloat16 nothing is scaled.

    Args:
        optimizer: whose weights they are.
        largest: norm of all of them together.
    """
    given = [weight for group in optimizer.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(given, largest)
