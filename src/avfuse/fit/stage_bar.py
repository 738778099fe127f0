"""One progress bar a stage, with the time that is left."""

from typing import Any

from lightning import Callback, LightningModule, Trainer
from tqdm import tqdm

from avfuse.training.progress import share_done

_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class StageBar(Callback):
    """Shows how far a training is, by its epochs or by its time, whichever ends it.

    Args:
        stage: its name.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        done = share_done(trainer, trainer.current_epoch)
        self._bar = tqdm(
            desc=self._stage, total=1.0, initial=done, bar_format=_FORMAT, disable=None
        )

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        epochs = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
        self._bar.update(share_done(trainer, epochs) - self._bar.n)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        held = {k: f"{float(v):.3g}" for k, v in trainer.callback_metrics.items() if "val/" in k}
        self._bar.set_postfix({name.rpartition("/")[2]: value for name, value in held.items()})

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.close()
