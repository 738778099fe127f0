"""Two processes train one model: the same weights on both, from different pairs."""

import functools

import torch
from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from avfuse import DynamicKernel, TalkingFace
from avfuse.data.dataset import PairDataset, PairSampler
from avfuse.data.pairs import RenderedTwins


class Keep(Callback):
    """Writes down what each process saw and what it ended with."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def on_train_batch_start(self, trainer, module, batch, index):
        self.seen.append(batch.mel1.sum().item())

    def on_train_end(self, trainer, module):
        weights = {k: v.clone() for k, v in module.named_parameters()}
        torch.save((self.seen, weights), self.folder / f"{trainer.global_rank}.pt")


class Pairs(LightningDataModule):
    """The library's own sampler over two procedural faces."""

    def __init__(self, twins):
        super().__init__()
        options = {"length": 8, "size": 32, "mel_steps": 16}
        self.pairs = PairDataset([RenderedTwins(*twins)], [1.0], **options)

    def train_dataloader(self):
        sampler = PairSampler(self.pairs, self.trainer.world_size, self.trainer.global_rank)
        return DataLoader(self.pairs, 2, sampler=sampler)

    def on_after_batch_transfer(self, batch, index):
        return batch._replace(video1=batch.video1 / 255, video2=batch.video2 / 255)


def test_two_processes_end_with_the_same_weights(tmp_path, twins):
    torch.manual_seed(0)
    fusion = functools.partial(DynamicKernel, layers=1, rank=2)
    module = TalkingFace(fusion, channels=(4, 4, 8), audio_width=2, size=32)
    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        # Either half of the step leaves the other half's weights alone, which DDP has to be told.
        strategy="ddp_fork_find_unused_parameters_true",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[Keep(tmp_path)],
    )
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    trainer.fit(module, Pairs(twins))
    (seen, first), (others, second) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert len(seen) == len(others) == 2
    assert not set(seen) & set(others)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], before[name]) for name in first)
