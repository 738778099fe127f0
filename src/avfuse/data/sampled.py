"""What data modules have in common whose datasets have no end."""

from typing import Any, Generic, TypeVar

from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from avfuse.data.sampler import EpochSampler

Samples = TypeVar("Samples", bound=Dataset[Any])


class SampledData(LightningDataModule, Generic[Samples]):
    """Epochs that differ for training, and the same samples again and again for validation.

    Its hyperparameters have `batch` and `workers`.

    Attributes:
        train: after `setup`, what is trained on; item i differs for every i, also beyond its end.
        val: what is validated on, a dataset a set.
    """

    train: Samples
    val: list[Samples]

    def train_dataloader(self) -> DataLoader[Any]:
        workers = self.hparams["workers"]
        return DataLoader(
            self.train,
            self.hparams["batch"],
            sampler=EpochSampler.under(self.trainer, self.train),
            num_workers=workers,
            drop_last=True,
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> list[DataLoader[Any]]:
        h = self.hparams
        return [DataLoader(part, h["batch"], num_workers=h["workers"]) for part in self.val]
