"""How far a training is, by its epochs or by its time, whichever ends it."""

from lightning import Trainer
from lightning.pytorch.callbacks import Timer


def share_done(trainer: Trainer, epochs: float) -> float:
    """The share of a training that is behind it, in [0, 1].

    Args:
        trainer: with `max_epochs`, and `max_time` where time ends it.
        epochs: that are done.
    """
    by_epochs = epochs / max(1, trainer.max_epochs or 1)
    timer = next((c for c in trainer.callbacks if isinstance(c, Timer)), None)  # type: ignore[attr-defined]
    if timer is None or timer.time_remaining() is None:
        return min(1.0, by_epochs)
    spent, left = timer.time_elapsed(), timer.time_remaining() or 0.0
    return min(1.0, max(by_epochs, spent / max(spent + left, 1e-9)))
