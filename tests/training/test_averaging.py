"""Averaged weights follow the run, whatever its length."""

import functools

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from avfuse.training.averaging import WarmAveraging, _average


def test_the_beginning_is_soon_forgotten():
    """After 20 steps at 1, little of the 0 at the start is left; a fixed 0.998 would keep 96 %."""
    average = torch.zeros(3)
    for step in range(20):
        average = _average(0.998, average, torch.ones(3), step)
    assert average.min() > 0.95


def test_in_the_long_run_it_is_the_usual_average():
    """Closed form: x_n = (1 - d^n) for a step from 0 to 1 with decay d."""
    average = torch.zeros(1)
    for step in range(10_000, 10_100):
        average = _average(0.99, average, torch.ones(1), step)
    assert average.item() == pytest.approx(1 - 0.99**100, abs=1e-4)


def test_counters_are_copied():
    assert _average(0.998, torch.tensor(3), torch.tensor(7), 5) == 7


def test_what_a_short_run_saves_is_trained(tmp_path, twins):
    """Two steps in, the saved weights are no longer those of the beginning."""
    from avfuse import DynamicKernel, TalkingFace
    from avfuse.data.dataset import PairDataset
    from avfuse.data.pairs import RenderedTwins

    fusion = functools.partial(DynamicKernel, layers=1, rank=2)
    module = TalkingFace(fusion, channels=(4, 4, 8, 8, 8), audio_width=2, size=64, warmup=1)
    before = {k: v.clone() for k, v in module.method.state_dict().items()}
    pairs = PairDataset([RenderedTwins(*twins)], [1.0], length=8, size=64, mel_steps=16)

    def collate(items):
        batch = type(items[0])(*map(torch.stack, zip(*items, strict=True)))
        return batch._replace(video1=batch.video1 / 255, video2=batch.video2 / 255)

    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[WarmAveraging()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(module, DataLoader(pairs, 2, collate_fn=collate))
    trainer.save_checkpoint(tmp_path / "last.ckpt", weights_only=True)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["state_dict"]
    moved = [k for k in before if not torch.equal(saved[f"method.{k}"], before[k])]
    assert len(moved) > len(before) / 2
