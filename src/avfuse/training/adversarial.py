"""What trainings against a discriminator have in common."""

import contextlib
from collections.abc import Iterator
from typing import Any

from lightning import LightningModule
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_


def descend(module: LightningModule, optimizer: Any, loss: Tensor, clip: float = 0.0) -> None:
    """One step of one of several optimizers.

    Args:
        module: that optimises by hand.
        optimizer: of the weights that are to change.
        loss: to be lowered.
        clip: largest norm of the gradients; 0 for any.
    """
    optimizer.zero_grad()
    module.manual_backward(loss)
    if clip:  # by torch: Lightning refuses to for a fused optimizer
        clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
    optimizer.step()


def has_begun(module: LightningModule, start: int) -> bool:
    """Whether so many training steps have been made, resumed ones too."""
    return bool(module.trainer.fit_loop.total_batch_idx >= start)


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients through a network, but none into it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
