"""Clips without pictures: what is fitted once is what each passage is given."""

from types import SimpleNamespace

import pytest
import torch
from lightning import Trainer

from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.everybodys_talkin.clips import (
    FittedClip,
    SaidClips,
    SaidFrames,
    ShownClips,
    cropped,
)
from avfuse.methods.everybodys_talkin.face import Face
from avfuse.methods.everybodys_talkin.training import ExpressionTraining
from avfuse.sound.mel import mel_windows

SIZE = 32


@pytest.fixture(scope="module")
def clip(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("clip") / "a.safetensors"
    return made.clip_file(path, synthetic_clip(3, seconds=0.6, size=64))


@pytest.fixture
def data(tmp_path, monkeypatch):
    def short(seed, **options):
        return synthetic_clip(seed, seconds=0.4, size=64, **options)

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)
    return SaidClips(
        synthetic=2, cache=str(tmp_path), size=SIZE, mel_steps=80, mel_ahead=16.0, frames=4,
        batch=3, epoch=6, validation=2, workers=0, held_back=0,
    )  # fmt: skip


def test_crops_are_the_methods(clip):
    """Eyes and mouth lie where the library's square has them: 0.2 and 0.6 of it down."""
    points = cropped(clip, 100)
    eyes, corners = points[:, 36:48].mean(1), points[:, [48, 54]].mean(1)
    torch.testing.assert_close(eyes[:, 1], torch.full((len(points),), 19.5), atol=2.5, rtol=0)
    torch.testing.assert_close(corners[:, 1], torch.full((len(points),), 59.5), atol=3.0, rtol=0)


def test_a_passage_is_a_part_of_the_fit(clip):
    fitted = FittedClip(clip, Face(4, 4), SIZE)
    landmarks, fit = fitted.part(int(clip.valid[5]), 3)
    assert torch.equal(landmarks, fitted.landmarks[5:8])
    assert torch.equal(fit.expression, fitted.fit.expression[5:8])
    assert torch.equal(fit.camera.scale, fitted.fit.camera.scale[5:8])
    assert fit.identity.shape == (3, 4)


def test_sound_and_landmarks_are_of_one_moment(data):
    data.prepare_data()
    data.setup()
    data.augmentation = 0.0
    clip = data.train.sources[0].clips[0]
    batch = SaidFrames([FittedClip(clip, Face(4, 4), SIZE)], [1.0], data)[0]
    every = cropped(clip, SIZE)
    for heard, landmarks in zip(batch.heard, batch.landmarks, strict=True):
        at = int((every - landmarks[0]).flatten(1).norm(dim=1).argmin())
        times = clip.times[clip.valid[at : at + 4]]
        torch.testing.assert_close(heard, mel_windows(clip.mel, times, data.train.hears))


def test_trains_and_validates(data, plan):
    """Training is given examples, validation pairs as everywhere."""
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    module = ExpressionTraining(**plan)
    trainer.fit(module, data)
    assert trainer.global_step == 2
    assert module.method.regressed.spread.all()
    assert trainer.callback_metrics["val/seen/landmark_error"].isfinite()


def test_of_shown_clips_colours_and_voices_stay(batch):
    """Though other data change them while they train."""
    shown = ShownClips(synthetic=2)
    shown.trainer = SimpleNamespace(training=True)
    levels = batch._replace(video1=(batch.video1 * 255).byte(), video2=(batch.video2 * 255).byte())
    given = shown.on_after_batch_transfer(levels, 0)
    torch.testing.assert_close(given.video1, levels.video1 / 255)
    assert torch.equal(given.mel2, batch.mel2)
