"""What the procedural data is for: lips are learnt from sound, and without sound they are not."""

import functools

import pytest
import torch
from lightning import Trainer, seed_everything
from torch.utils.data import DataLoader, TensorDataset

from avfuse import Batch, DynamicKernel, NoFusion, TalkingFace
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins
from avfuse.data.synthetic import synthetic_clip

TRAINED, HELD_OUT = range(24), range(1000, 1008)
STEPS, BATCH, SIZE = 480, 32, 32

pytestmark = pytest.mark.slow  # two minutes of one core


@pytest.fixture(scope="module")
def pairs(tmp_path_factory, made):
    """Pairs of faces and voices to learn from, and of others to be judged on; all in memory."""
    folder = tmp_path_factory.mktemp("faces")

    def twins(seed):
        clips = (synthetic_clip(seed, speech_seed=seed + v, size=96, fps=12.5) for v in (0, 500))
        files = (made.clip_file(folder / f"{seed}-{i}", clip) for i, clip in enumerate(clips))
        return RenderedTwins(*files)

    def drawn(seeds, count):
        sources = [twins(seed) for seed in seeds]
        options = {"length": count, "size": SIZE, "mel_steps": 16, "strength": 0.0}
        data = PairDataset(sources, [1.0] * len(sources), **options)
        return TensorDataset(*map(torch.stack, zip(*(data[i] for i in range(count)), strict=True)))

    return drawn(TRAINED, 3000), drawn(HELD_OUT, 128)


def batches(pairs, size, shuffle):
    def collate(items):
        batch = Batch(*map(torch.stack, zip(*items, strict=True)))
        return batch._replace(video1=batch.video1 / 255, video2=batch.video2 / 255)

    return DataLoader(pairs, size, shuffle=shuffle, collate_fn=collate, drop_last=shuffle)


def gain(fusion, pairs):
    """Decibels over the source's own mouth on faces never seen; same seed, same budget for all."""
    seed_everything(0)
    module = TalkingFace(
        fusion,
        channels=(16, 32, 64),
        audio_width=4,
        size=SIZE,
        rate=4e-3,
        warmup=50,
        adversarial=0.0,
        mask=0.0,
        mouth=20.0,
    )
    trainer = Trainer(
        accelerator="cpu",
        max_steps=STEPS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, batches(pairs[0], BATCH, shuffle=True))
    trainer.validate(module, batches(pairs[1], len(pairs[1]), shuffle=False), verbose=False)
    return float(trainer.callback_metrics["val/seen/gain"])


def test_lips_are_learnt_from_sound_and_not_without(pairs, monkeypatch):
    for part in ("terms", "training"):
        monkeypatch.setattr(f"avfuse.methods.dynamic_kernels.{part}.PATCH", 16)
    hears = gain(functools.partial(DynamicKernel, layers=2, rank=8), pairs)
    blind = gain(functools.partial(NoFusion, layers=2), pairs)
    assert hears > 1
    assert hears > blind + 0.7
