"""A teacher's renderings as pairs: the same frames, other lips, and sound that belongs to them."""

import json

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.data.datamodule import TalkingClips
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import View
from avfuse.data.passage import passage
from avfuse.data.synthetic import synthetic_clip
from avfuse.data.taught import (
    MANIFEST,
    Rendering,
    Taught,
    TaughtPairs,
    cached_taught,
    read_manifest,
)
from avfuse.video.picture import write_picture

WORDS = (3, 4, 5)


def said(words, seconds=0.6):
    """One person in one video, whatever is said: what a teacher without flaw would render."""
    return synthetic_clip(11, speech_seed=words, seconds=seconds, size=160)


@pytest.fixture(scope="module")
def taught(tmp_path_factory, made):
    """A folder of renderings, and their cache: one person with an own clip, and a photo of one."""
    folder, cache = tmp_path_factory.mktemp("taught"), tmp_path_factory.mktemp("cache")
    own = made.video(folder / "own.mp4", said(3), crf=8)
    np.savez(folder / "own.npz", landmarks=said(3).landmarks)
    photo = folder / "photo.png"
    write_picture(photo, said(3).frames[0])
    lines = []
    for face in (own, photo):
        (folder / face.stem).mkdir()
        for words in WORDS[1:]:
            name = f"{face.stem}/{words}.mp4"
            # Longer than the own clip: there the footage runs back, and no frame of it agrees.
            made.video(folder / name, said(words, 0.8), crf=8)
            np.savez((folder / name).with_suffix(".npz"), landmarks=said(words, 0.8).landmarks)
            lines.append(Rendering(face.stem, str(face), f"{words}.wav", name, 0.8, "perfect"))
    (folder / MANIFEST).write_text("".join(json.dumps(r._asdict()) + "\n" for r in lines))
    return folder, cached_taught(folder, cache)


def pairs(taught, person):
    return TaughtPairs.of(next(p for p in taught[1] if p.person == person), 1)


def test_the_own_clip_stands_beside_renderings(taught):
    assert [(p.person, p.own is None, len(p.renderings)) for p in taught[1]] == [
        ("own", False, 2),
        ("photo", True, 2),
    ]
    assert len(pairs(taught, "own").couples) == 2  # the own one with each
    assert len(pairs(taught, "photo").couples) == 1


@pytest.mark.parametrize("person", ["own", "photo"])
def test_a_pair_differs_in_the_lips_only(taught, person):
    source, rng = pairs(taught, person), np.random.default_rng(0)
    for _ in range(4):
        ((first, second),) = source.moments(rng, 1)
        assert first.number == second.number
        assert first.clip.path != second.clip.path
        pair = source.pair(first, second, View(96))
        apart = np.abs(pair.image1.astype(int) - pair.image2).mean(-1)
        lower = int(pair.landmarks1[33, 1])  # the nose
        assert apart[: lower - 10].mean() < 3
        upper = np.abs(pair.landmarks1[27:48] - pair.landmarks2[27:48])
        assert upper.max() < 1.5


def test_only_frames_that_both_have(taught):
    for one, other in pairs(taught, "own").couples:
        assert len(one.valid) == len(other.valid) == len(said(3).frames)
        assert len(one.landmarks) < len(other.landmarks)


def test_its_items_are_pairs_like_others(taught):
    dataset = PairDataset([pairs(taught, "own")], [1.0], length=4, size=64, mel_steps=16, frames=2)
    item = dataset[0]
    assert item.video1.shape == item.video2.shape == (2, 3, 64, 64)
    assert not torch.equal(item.mel1, item.mel2)
    assert passage(pairs(taught, "own"), 64, 16, 5.0).video1.shape[0] == len(said(3).frames)


def test_trains_by_the_folder_alone(taught, tmp_path):
    data = TalkingClips(pairs=str(taught[0]), cache=str(tmp_path), size=64, batch=1, workers=0,
                        epoch=2, validation=2, held_back=2)  # fmt: skip
    data.prepare_data()
    data.setup()
    assert [source.person for source in data.train.sources] == ["photo"]
    assert set(data.held) == {"taught"}
    assert len(list(data.train_dataloader())) == 2
    unseen = TalkingClips(pairs=str(taught[0]), cache=str(tmp_path), unseen=["own"], held_back=0)
    unseen.setup()
    assert [source.person for source in unseen.train.sources] == ["photo"]


def test_who_has_no_pair_is_none(taught):
    alone = Taught("alone", None, taught[1][0].renderings[:1])
    assert TaughtPairs.of(alone, 1).couples == ()


def test_folders_that_hold_no_renderings(tmp_path):
    with pytest.raises(InputError, match="give a folder that avfuse render-pairs wrote"):
        cached_taught(tmp_path, tmp_path)
    (tmp_path / MANIFEST).write_text('{"person": "a"}\n')
    with pytest.raises(InputError, match="is no list of renderings"):
        read_manifest(tmp_path)
    line = Rendering("a", "a.mp4", "b.wav", "gone.mp4", 1.0, "m")
    (tmp_path / MANIFEST).write_text(json.dumps(line._asdict()) + '\n{"person": "torn')
    assert read_manifest(tmp_path) == [line]
    with pytest.raises(InputError, match="holds no renderings"):
        cached_taught(tmp_path, tmp_path)
