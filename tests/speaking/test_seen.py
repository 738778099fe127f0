"""Whom a method meets."""

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.method import method_named
from avfuse.speaking.seen import Met, Search

RHYTHMIC = method_named("rhythmic_head_motion")


@pytest.fixture
def method():
    return RHYTHMIC.build(dict(RHYTHMIC.tiny))


def test_references_of_whole_frames_are_cut_by_one_square(method, face, person):
    """The head moves in them, and what is behind it does not."""
    met = Met(method, face, Search())
    images = met.seen.images.float()
    assert len(images) == method.references
    corner = images[:, :6, :6]
    assert (corner - corner[:1]).abs().mean() < 4  # levels: the video is compressed
    moved = np.ptp(met.seen.landmarks[:, 27:36].mean(1).numpy(), 0).max()
    truth = np.ptp(person.landmarks[: len(images), 27:36].mean(1), 0).max()
    assert moved > 0.2 * truth * method.size / 160


def test_fewer_will_do_where_a_method_says_so(method, face, monkeypatch):
    method.references = 400
    assert 1 < len(Met(method, face, Search()).seen.images) < 400
    monkeypatch.setattr(type(method), "fewer", False)
    with pytest.raises(InputError, match="wants to see 400"):
        Met(method, face, Search())


def test_their_sound_comes_with_them(method, face):
    met = Met(method, face, Search())
    assert met.heard.shape == (len(met.seen.images), 80, method.hears.steps)
    assert torch.isfinite(met.heard).all()
