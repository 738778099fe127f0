"""Which items of a dataset without end an epoch draws."""

from collections.abc import Iterator
from typing import Any

from lightning import Trainer
from torch.utils.data import Dataset, DistributedSampler


class EpochSampler(DistributedSampler[int]):
    """New items every epoch, each drawn by one process only.

    For datasets whose item i differs for every i, beyond their length too, which is what an epoch
    draws: the first epoch begins at 0, the next where it ends. Where its length cannot be shared
    out evenly, it draws a few more.

    Args:
        dataset: what to sample; it has a length.
        processes: of the training.
        rank: of this one.
    """

    def __init__(self, dataset: Dataset[Any], processes: int = 1, rank: int = 0) -> None:
        super().__init__(dataset, processes, rank, shuffle=False)

    @classmethod
    def under(cls, trainer: Trainer | None, dataset: Dataset[Any]) -> "EpochSampler":
        """The sampler of a trainer's process and epoch; without one, of a single one's first."""
        if trainer is None:
            return cls(dataset)
        sampler = cls(dataset, trainer.world_size, trainer.global_rank)
        # Lightning says so too, but where a training goes on, only once workers have asked ahead.
        sampler.set_epoch(trainer.current_epoch)
        return sampler

    def __iter__(self) -> Iterator[int]:
        first = self.epoch * self.total_size
        return iter(range(first + self.rank, first + self.total_size, self.num_replicas))
