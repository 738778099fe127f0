"""Two processes train one model: the same weights on both, from different pairs."""

import functools

import torch
from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from avfuse import DynamicKernel, TalkingFace
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins
from avfuse.data.sampler import EpochSampler
from avfuse.training.base import SPLITS


class Keep(Callback):
    """Writes down what each process saw and what it ended with."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def on_train_batch_start(self, trainer, module, batch, index):
        self.seen.append(batch.mel1.sum().item())

    def on_validation_end(self, trainer, module):
        torch.save(trainer.callback_metrics, self.folder / f"scores-{trainer.global_rank}.pt")

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
        sampler = EpochSampler.under(self.trainer, self.pairs)
        return DataLoader(self.pairs, 2, sampler=sampler)

    def val_dataloader(self):
        return [DataLoader(self.pairs, 2) for _ in SPLITS]

    def on_after_batch_transfer(self, batch, index):
        return batch._replace(video1=batch.video1 / 255, video2=batch.video2 / 255)


def tiny():
    torch.manual_seed(0)
    fusion = functools.partial(DynamicKernel, layers=1, rank=2)
    return TalkingFace(fusion, channels=(4, 4, 8), audio_width=2, size=32)


def trainer_for(folder, **options):
    return Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[Keep(folder)],
        **options,
    )


def two_processes(folder):
    # Either half of the step leaves the other half's weights alone, which DDP has to be told.
    return trainer_for(folder, devices=2, strategy="ddp_fork_find_unused_parameters_true")


def test_two_processes_score_as_one_does(tmp_path, twins):
    """Eight pairs, in batches of two: other batches in each process, the same scores."""
    module = tiny().eval()
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    trainer_for(one, devices=1).validate(module, Pairs(twins), verbose=False)
    two_processes(two).validate(module, Pairs(twins), verbose=False)
    alone, *both = (
        torch.load(path) for path in (one / "scores-0.pt", two / "scores-0.pt", two / "scores-1.pt")
    )
    assert {name.rpartition("/")[2] for name in alone} == {
        "mouth_psnr", "gain", "sharpness", "lips_heard", "mask",
    }  # fmt: skip
    for scores in both:
        torch.testing.assert_close(scores, alone, rtol=1e-4, atol=1e-5)


def test_two_processes_end_with_the_same_weights(tmp_path, twins):
    module, trainer = tiny(), two_processes(tmp_path)
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    trainer.fit(module, Pairs(twins))
    (seen, first), (others, second) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert len(seen) == len(others) == 2
    assert not set(seen) & set(others)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], before[name]) for name in first)
