"""Items of an epoch: new ones every time, each drawn by one process."""

import pytest
import torch
from torch.utils.data import TensorDataset

from avfuse.data.sampler import EpochSampler

ITEMS = TensorDataset(torch.arange(8))


def test_epochs_follow_each_other():
    sampler = EpochSampler(ITEMS)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
    assert epochs == [list(range(8 * e, 8 * e + 8)) for e in range(3)]


@pytest.mark.parametrize("processes", [2, 4])
def test_ranks_are_disjoint_and_cover_everything(processes):
    samplers = [EpochSampler(ITEMS, processes, rank) for rank in range(processes)]
    for sampler in samplers:
        sampler.set_epoch(2)
    drawn = [list(sampler) for sampler in samplers]
    assert sorted(index for part in drawn for index in part) == list(range(16, 24))
    assert {len(part) for part in drawn} == {8 // processes}


def test_without_a_trainer_there_is_one_process():
    assert list(EpochSampler.under(None, ITEMS)) == list(range(8))
