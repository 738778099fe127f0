"""What the trainings of the small networks have in common: one cycle, and a file at its end."""

import sys
from abc import ABC, abstractmethod
from pathlib import Path

import torch
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI, SaveConfigCallback
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

from avfuse.files.recipes import located


class ExpertTraining(LightningModule, ABC):
    """Trains a small network that comes with the library.

    Its hyperparameters have `rate` and `weight_decay` of AdamW, and `output`, the file that is
    written when the training ends, or None.
    """

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write the network's file."""

    def on_fit_end(self) -> None:
        output = self.hparams["output"]
        if output is not None and self.trainer.is_global_zero:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            self.write(Path(output))

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW, its rate in one cycle (Smith and Topin 2018) with its top after a tenth."""
        h = self.hparams
        optimizer = torch.optim.AdamW(self.parameters(), h["rate"], weight_decay=h["weight_decay"])
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, h["rate"], steps, pct_start=0.1)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class LoggedConfig(SaveConfigCallback):
    """Keeps the configuration where the logger's files lie; without a logger there is no place."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if trainer.logger is not None:
            super().setup(trainer, pl_module, stage)


def command(training: type[ExpertTraining], data: type[LightningDataModule]) -> None:
    """Lightning's command line over a training and its data; recipes by name or path."""
    sys.argv[1:] = located(sys.argv[1:])  # there, since other processes begin in these words too
    kept = {"overwrite": True}
    LightningCLI(training, data, save_config_callback=LoggedConfig, save_config_kwargs=kept)
