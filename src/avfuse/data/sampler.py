"""Which items of a dataset without end an epoch draws."""

from collections.abc import Iterator
from typing import Any

from lightning import Trainer
from torch.utils.data import Dataset, DistributedSampler


class EpochSampler(DistributedSampler[int]):
    """New items every epoch, each drawn by one process only.

    For datasets whose item i differs for every i, beyond their length too, which is what an epoch
    draws: the first epoch begins at 0, the next where it ends.

    Args:
        dataset: what to sample; it has a length.
        processes: of the training.
        rank: of this one.
    """

    def __init__(self, dataset: Dataset[Any], processes: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, processes, rank, shuffle=False)

    @classmethod
    def under(cls, trainer: Trainer | None, dataset: Dataset[Any]) -> "EpochSampler":
        """The sampler of the process that a trainer runs in; without one, of a single process."""
        ranks = (trainer.world_size, trainer.global_rank) if trainer else (1, 0)
        return cls(dataset, *ranks)

    def __iter__(self) -> Iterator[int]:
        return (self.epoch * self.total_size + index for index in super().__iter__())
