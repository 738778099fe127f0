"""Items of an epoch: new ones every time, each drawn by one process."""

import itertools

import pytest
import torch
from lightning import LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset

from avfuse.data.sampler import EpochSampler


class Numbers(Dataset[int]):
    """Eight an epoch; item i is i, beyond that too."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return index


ITEMS = Numbers()


class Listener(LightningModule):
    """Writes down what it is given by a worker, which is ahead of it."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.heard = []

    def train_dataloader(self):
        return DataLoader(ITEMS, 2, sampler=EpochSampler.under(self.trainer, ITEMS), num_workers=1)

    def training_step(self, batch, index):
        self.heard += batch.tolist()
        return self.weight * batch.sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.0)


def test_epochs_follow_each_other():
    sampler = EpochSampler(ITEMS)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs == [list(range(8 * e, 8 * e + 8)) for e in range(3)]


@pytest.mark.parametrize(("processes", "each"), [(2, 4), (3, 3), (4, 2)])
def test_ranks_are_disjoint_and_cover_everything(processes, each):
    samplers = [EpochSampler(ITEMS, processes, rank) for rank in range(processes)]
    for sampler in samplers:
        sampler.set_epoch(2)
    drawn = [list(sampler) for sampler in samplers]
    total = processes * each
    assert sorted(itertools.chain(*drawn)) == list(range(2 * total, 3 * total))
    assert {len(sampler) for sampler in samplers} == {len(part) for part in drawn} == {each}


def test_without_a_trainer_there_is_one_process():
    assert list(EpochSampler.under(None, ITEMS)) == list(range(8))


def test_a_training_that_goes_on_draws_what_comes_next(tmp_path):
    def heard(epochs, checkpoint=None):
        module = Listener()
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, ckpt_path=checkpoint)
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        return module.heard

    assert heard(2) == list(range(16))
    assert heard(3, tmp_path / "last.ckpt") == list(range(16, 24))
