"""Pairs as tensors: the same by index, new every epoch, each drawn by one process."""

import numpy as np
import pytest
import torch

from avfuse import InputError, mel_windows
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins, TransplantedMouths


@pytest.fixture
def sources(twins):
    return [RenderedTwins(*twins), TransplantedMouths(twins[0])]


def dataset(sources, weights=(1.0, 1.0), **options):
    return PairDataset(sources, weights, **{"length": 8, "size": 64, "mel_steps": 16, **options})


def same(one, other):
    return all(map(torch.equal, one, other))


class TestItems:
    @pytest.mark.parametrize(("frames", "steps"), [(1, 16), (3, 24)])
    def test_shapes_and_types(self, sources, frames, steps):
        item = dataset(sources, frames=frames, mel_steps=steps)[0]
        assert item.video1.shape == item.video2.shape == (frames, 3, 64, 64)
        assert item.video1.dtype == torch.uint8
        assert item.mel1.shape == item.mel2.shape == (frames, 80, steps)
        assert item.landmarks1.shape == item.landmarks2.shape == (frames, 68, 2)
        assert item.lips1.shape == item.lips2.shape == (frames, 20, 2)

    def test_the_same_by_index_and_seed(self, sources):
        first, again = (dataset(sources, seed=5)[3] for _ in range(2))
        assert same(first, again)
        assert not same(first, dataset(sources, seed=6)[3])
        assert not same(first, dataset(sources, seed=5)[4])

    def test_does_not_touch_global_randomness(self, sources):
        states = []
        for _ in range(2):
            states.append((torch.get_rng_state().tolist(), repr(np.random.get_state())))  # noqa: NPY002
            dataset(sources)[0]
        assert states[0] == states[1]

    def test_without_strength_the_mel_is_the_frames_own(self, twins):
        item = dataset([RenderedTwins(*twins)], [1.0], strength=0.0, frames=2)[0]
        every = [
            mel_windows(twin.mel, twin.times[start : start + 2])
            for twin in twins
            for start in range(len(twin.times) - 1)
        ]
        assert any(torch.equal(item.mel1, windows) for windows in every)
        assert any(torch.equal(item.mel2, windows) for windows in every)

    def test_lips_are_those_that_the_picture_shows(self, twins):
        """The label's opening grows with the landmarks' of the very same picture."""
        data = dataset([RenderedTwins(*twins)], [1.0], strength=0.0, length=30)
        items = [data[i] for i in range(30)]
        for lips, points in (("lips1", "landmarks1"), ("lips2", "landmarks2")):
            labels = [float((getattr(i, lips)[0, 18] - getattr(i, lips)[0, 14])[1]) for i in items]
            shown = [
                float((getattr(i, points)[0, 66] - getattr(i, points)[0, 62])[1]) for i in items
            ]
            assert np.corrcoef(labels, shown)[0, 1] > 0.99

    def test_weights_say_how_often(self, sources):
        data = dataset(sources, weights=(0.0, 3.0))
        assert data.shares.tolist() == [0.0, 1.0]
        whole = dataset(sources[1:], weights=(1.0,))
        assert data[0].video1.shape == whole[0].video1.shape


def test_a_clip_with_too_few_frames_is_named_at_once(sources, twins):
    most = len(twins[0].times)
    assert dataset(sources, frames=most)[0].video1.shape[0] == most
    for source in sources:
        with pytest.raises(InputError, match=rf"{twins[0].path} has no {most + 1} frames"):
            dataset([source], (1.0,), frames=most + 1)


class TestWindow:
    def test_is_cut_out_of_the_whole_view(self, sources):
        whole, cut = dataset(sources, frames=2)[1], dataset(sources, frames=2, window=48)[1]
        assert cut.video1.shape == (2, 3, 48, 48)
        x, y = (whole.landmarks1 - cut.landmarks1)[0, 0].int().tolist()
        window = (..., slice(y, y + 48), slice(x, x + 48))
        assert torch.equal(cut.video1, whole.video1[window])
        assert torch.equal(cut.video2, whole.video2[window])
        corner = torch.tensor([x, y])
        torch.testing.assert_close(cut.landmarks2, whole.landmarks2 - corner)

    def test_holds_the_mouth(self, sources):
        data = dataset(sources, window=48)
        mouths = [data[i].landmarks1[0, 48:].mean(0) for i in range(20)]
        inside = [bool((m > 0).all() and (m < 48).all()) for m in mouths]
        assert sum(inside) >= 18
