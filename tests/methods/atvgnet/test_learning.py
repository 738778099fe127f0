"""What ATVGnet is for: the mouth follows the sound, and does not follow silence."""

import pytest
import torch
from lightning import Trainer, seed_everything
from torch.utils.data import DataLoader, TensorDataset

from avfuse import Batch
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins
from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.atvgnet.training import ATVGnetTraining
from avfuse.sound.mel import SILENCE

TRAINED, HELD_OUT = range(16), range(1000, 1006)
STEPS, BATCH, SIZE, FRAMES, MEL = 400, 8, 32, 6, 16

pytestmark = pytest.mark.slow  # minutes of one core


@pytest.fixture(scope="module")
def sources(tmp_path_factory, made):
    folder = tmp_path_factory.mktemp("faces")

    def twins(seed):
        clips = (synthetic_clip(seed, speech_seed=seed + v, size=96, fps=12.5) for v in (0, 500))
        files = (made.clip_file(folder / f"{seed}-{i}", clip) for i, clip in enumerate(clips))
        return RenderedTwins(*files)

    return [[twins(seed) for seed in seeds] for seeds in (TRAINED, HELD_OUT)]


@pytest.fixture(scope="module")
def pairs(sources):
    """Clips of faces and voices to learn from, and of others to be judged on; all in memory."""

    def drawn(twins, count):
        options = {"length": count, "size": SIZE, "mel_steps": MEL, "frames": FRAMES}
        data = PairDataset(twins, [1.0] * len(twins), **options, strength=0.0)
        return TensorDataset(*map(torch.stack, zip(*(data[i] for i in range(count)), strict=True)))

    return drawn(sources[0], 480), drawn(sources[1], 48)


def batches(pairs, size, silent, shuffle=False):
    def collate(items):
        batch = Batch(*map(torch.stack, zip(*items, strict=True)))
        if silent:
            mels = (torch.full_like(m, SILENCE) for m in (batch.mel1, batch.mel2))
            batch = batch._replace(**dict(zip(("mel1", "mel2"), mels, strict=True)))
        return batch._replace(video1=batch.video1 / 255, video2=batch.video2 / 255)

    return DataLoader(pairs, size, shuffle=shuffle, collate_fn=collate)


def scores(sources, pairs, silent):
    """The checks on faces never seen; same seed and budget for both."""
    seed_everything(0)
    module = ATVGnetTraining(
        channels=(8, 8, 16, 16, 32),
        blocks=1,
        audio_width=4,
        mel_steps=MEL,
        size=SIZE,
        rate=2e-3,
        adversarial=0.0,
        regression=0.0,
    )
    clips = [clip for twins in sources[0] for clip in twins.clips]
    module.method.shape.fit(torch.cat([torch.from_numpy(c.landmarks[c.valid]) for c in clips]))
    trainer = Trainer(
        accelerator="cpu",
        max_steps=STEPS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, batches(pairs[0], BATCH, silent, shuffle=True))
    trainer.validate(module, batches(pairs[1], len(pairs[1]), silent), verbose=False)
    return {k.removeprefix("val/seen/"): float(v) for k, v in trainer.callback_metrics.items()}


def test_lips_are_learnt_from_sound_and_not_from_silence(sources, pairs):
    hears, deaf = (scores(sources, pairs, silent) for silent in (False, True))
    assert hears["mouth_distance"] < 0.8 * deaf["mouth_distance"]
    # True landmarks drive the picture; what taught it to follow them never heard a sound.
    assert hears["taught_psnr"] > deaf["mouth_psnr"] + 0.5
    assert hears["taught_psnr"] == pytest.approx(deaf["taught_psnr"], abs=0.1)
