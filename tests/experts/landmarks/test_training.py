"""The samples that the landmark network learns from, and one step of learning."""

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins, TransplantedMouths
from avfuse.data.synthetic import synthetic_clip
from avfuse.experts.landmarks.data import FaceSamples, LandmarkFaces, blank, shares
from avfuse.experts.landmarks.training import LandmarkTraining, cross_entropy
from avfuse.faces.landmarks import SIZE, centres, load_net


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    made = synthetic_clip(5, seconds=0.2, size=160)
    path = tmp_path_factory.mktemp("clips") / "clip.safetensors"
    parts = (torch.from_numpy(v) for v in (made.frames, made.landmarks, made.times))
    save_clip(Clip(*parts, torch.zeros(80, 16)), path)
    return ClipFile(path)


def samples(clip, strength=1.0, negatives=0.3):
    return FaceSamples([clip], [1.0], length=24, strength=strength, negatives=negatives, seed=0)


def test_samples_are_the_same_each_time_and_differ(clip):
    first, again = samples(clip)[3], samples(clip)[3]
    assert first.images.shape == (3, SIZE, SIZE)
    assert 0 <= first.images.min() <= first.images.max() <= 1
    torch.testing.assert_close(first, again)
    assert not torch.equal(first.images, samples(clip)[4].images)


def test_some_samples_hold_no_face(clip):
    faces = [bool(samples(clip)[i].is_face) for i in range(24)]
    assert 0 < sum(faces) < 24
    assert all(samples(clip, negatives=0.0)[i].is_face for i in range(24))


def test_a_blank_is_of_one_colour_and_often_black_or_white():
    pictures = [blank(np.random.default_rng(i)) for i in range(60)]
    assert {picture.shape for picture in pictures} == {(SIZE, SIZE, 3)}
    assert max(picture.std((0, 1)).max() for picture in pictures) < 7
    levels = np.array([picture.mean() for picture in pictures])
    assert 10 < (levels < 20).sum() < 30
    assert 10 < (levels > 235).sum() < 30


def test_landmarks_move_with_the_pixels(clip):
    """The shipped network finds them where the sample says they are."""
    drawn = [samples(clip, negatives=0.0)[i] for i in range(24)]
    with torch.inference_mode():
        points = centres(load_net()(torch.stack([s.images for s in drawn]))[0])
    target = torch.stack([s.landmarks for s in drawn])
    assert (points - target).norm(dim=-1).median() < 3


class Seen(Callback):
    """Remembers what was trained on."""

    def __init__(self):
        self.pictures = []

    def on_train_batch_start(self, trainer, module, batch, index):
        self.pictures.extend(batch.images.sum((1, 2, 3)).tolist())


def test_every_epoch_has_samples_of_its_own(tmp_path, monkeypatch):
    def short(seed, **options):
        return synthetic_clip(seed, seconds=0.2, size=64, **options)

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)
    data = LandmarkFaces(
        cache=str(tmp_path), synthetic=2, batch=2, epoch=4, validation=2, workers=0
    )
    seen = Seen()
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[seen],
        limit_val_batches=0, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(LandmarkTraining(), data)
    assert len(set(seen.pictures)) == len(seen.pictures) == 8


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_procedural_faces_get_their_share(clip, twins, share):
    sources = [TransplantedMouths(clip), RenderedTwins(*twins)]
    pairs = PairDataset(sources, [1.0, 1.0], length=1, size=64, mel_steps=16)
    clips, weights = shares(pairs, share)
    assert [c.path for c in clips] == [clip.path, *(twin.path for twin in twins)]
    assert np.array(weights) / sum(weights) == pytest.approx([1 - share, share / 2, share / 2])


def test_cross_entropy_is_least_at_the_point():
    target = torch.tensor([[[40.0, 61.5]]])
    rows, columns = np.meshgrid(np.arange(28), np.arange(28), indexing="ij")

    def at(x, y):
        square = (columns - (x + 0.5) / 4 + 0.5) ** 2 + (rows - (y + 0.5) / 4 + 0.5) ** 2
        return cross_entropy(torch.tensor(-0.5 * square)[None, None].float(), target)

    assert at(40.0, 61.5) < min(at(44.0, 61.5), at(40.0, 57.5), at(36.0, 61.5))


def test_learns_and_writes_its_weights(clip, tmp_path):
    path = tmp_path / "weights" / "net.safetensors"
    module = LandmarkTraining(output=str(path), credit="a test")
    loader = DataLoader(samples(clip), 8)
    trainer = Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, loader, loader)
    assert np.isfinite(float(trainer.callback_metrics["val/seen/mouth"]))
    assert load_net(path).points == 68
