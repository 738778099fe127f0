"""Averaged weights: what is validated, saved and exported."""

import functools

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class WarmAveraging(WeightAveraging):
    """Exponential moving average of weights and norms that is right from the first step.

    The decay rises with the steps n, as (1 + n) / (10 + n), until it reaches `decay`: the random
    weights of the beginning are soon forgotten, in a run of any length.

    Args:
        decay: of the average in the long run.
    """

    def __init__(self, decay: float = 0.998) -> None:
        super().__init__(use_buffers=True, avg_fn=functools.partial(_average, decay))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Where a training that was at its end already goes on, it never comes to `on_train_end`.
        self.on_train_end(trainer, pl_module)


def _average(decay: float, averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
    if not current.is_floating_point():  # a norm's counter
        return current
    share = min(decay, (1 + int(steps)) / (10 + int(steps)))
    return averaged.lerp(current, 1 - share)
