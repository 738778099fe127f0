"""Who trains, who is kept out, and how often each is seen."""

from pathlib import Path

import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.experts.dense.data import DenseFaces, shares, split
from avfuse.experts.dense.sources import PORTRAITS, Faces, Source


def source(person, name="one"):
    return Source(person, name, Path(), Path())


def faces(count):
    points = np.arange(count, dtype=np.float32)[:, None, None] * np.ones((468, 3), np.float32)
    return Faces(np.zeros((count, 176, 176, 3), np.uint8), points)


FOUND = [
    (source("ann"), faces(3)),
    (source("ben"), faces(3)),
    (source("ben", "two"), faces(3)),
    (source(PORTRAITS, PORTRAITS), faces(25)),
]


def numbers(part):
    return [faces.points[:, 0, 0].astype(int).tolist() for _, faces in part]


def test_speakers_clips_and_each_tenth_portrait_are_kept_out():
    parts = split(FOUND, ["ann", "ben/two"], 10)
    assert [s[:2] for s, _ in parts.train] == [("ben", "one"), (PORTRAITS, PORTRAITS)]
    assert [s[:2] for s, _ in parts.speakers] == [("ann", "one"), ("ben", "two")]
    assert numbers(parts.portraits) == [[0, 10, 20]]
    assert numbers(parts.train)[1] == [i for i in range(25) if i % 10]


def test_without_any_kept_out_all_train():
    parts = split(FOUND, [], 0)
    assert [s for s, _ in parts.train] == [s for s, _ in FOUND]
    assert numbers(parts.train) == numbers(FOUND)
    assert not parts.speakers
    assert not parts.portraits


def test_refuses_names_that_are_not_there_and_leaving_nobody():
    with pytest.raises(InputError, match=r"unseen=\['eve'\]"):
        split(FOUND, ["eve", "ann"], 10)
    with pytest.raises(InputError, match="nothing to train on"):
        split(FOUND[:1], ["ann"], 10)


def test_speakers_count_alike_and_portraits_have_their_share():
    weights = np.array(shares([s.person for s, _ in FOUND], 0.6))
    np.testing.assert_allclose(weights / weights.sum(), [0.2, 0.1, 0.1, 0.6])
    np.testing.assert_allclose(shares(["ann", "ann", "ben"], 0.6), [0.5, 0.5, 1.0])


def test_the_data_module_gives_both_sets(labelled, tmp_path):
    data = DenseFaces(
        str(labelled / "grid"), str(labelled / "mesh"), str(labelled / "portraits"),
        unseen=["ben"], cache=str(tmp_path), batch=2, epoch=4, validation=4, workers=0,
    )  # fmt: skip
    data.prepare_data()
    data.setup()
    assert len(data.train.faces) == 2
    assert [len(s.faces[0].images) for s in data.val] == [9, 2]
    (batch, _), *_ = data.train_dataloader(), None
    assert batch.points.shape == (2, 468, 3)
    mean = data.mean_points(8)
    assert 30 < float(mean[4, 0]) < 80  # the nose, in the picture's middle
