"""The lips that are given stand beside the sound, whatever the strategy."""

import pytest
import torch

from avfuse import (
    Batch,
    ChannelConcat,
    Condition,
    Dims,
    DynamicKernel,
    Fusion,
    GivenLips,
    InputError,
    LandmarkCascade,
    LipShape,
    NoFusion,
)
from avfuse.types import LIP_UNIT

DIMS = Dims(visual=(4, 8), audio=24, positions=4)
PAIRS, FRAMES = 3, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Hearing(Fusion):
    """Keeps what it is given."""

    def prepare(self, condition):
        self.heard = condition.audio
        return condition

    def forward(self, features, condition):
        raise NotImplementedError


def speech():
    return torch.rand(2 * PAIRS, FRAMES, DIMS.audio)


def shapes():
    return torch.randn(2 * PAIRS, FRAMES, 20, 2) * LIP_UNIT


class TestTold:
    def test_the_inner_strategy_hears_the_sound_and_behind_it_the_lips(self):
        fusion, audio = GivenLips(DIMS, Hearing, width=6).eval(), speech()
        codes = []
        for given in (shapes(), shapes()):
            fusion.prepare(Condition(audio, given=given))
            assert torch.equal(fusion.inner.heard[..., : DIMS.audio], audio)
            codes.append(fusion.inner.heard[..., DIMS.audio :])
        assert codes[0].shape[-1] == 6
        assert not torch.allclose(*codes)

    def test_where_nobody_looked_they_are_the_mean_faces(self):
        fusion, audio = GivenLips(DIMS, Hearing).eval(), speech()
        heard = []
        for given in (None, torch.zeros(2 * PAIRS, FRAMES, 20, 2)):
            fusion.prepare(Condition(audio, given=given))
            heard.append(fusion.inner.heard)
        torch.testing.assert_close(*heard)

    def test_what_is_drawn_frame_by_frame_needs_them_no_more(self):
        fusion = GivenLips(DIMS, DynamicKernel)
        assert fusion.prepare(Condition(speech(), given=shapes())).given is None

    def test_training_does_not_trust_them_to_a_hair(self):
        """And in use they are what was read."""
        fusion, condition = GivenLips(DIMS, Hearing), Condition(speech(), given=shapes())
        for training in (True, False):
            heard = []
            for _ in range(2):
                fusion.train(training).prepare(condition)
                heard.append(fusion.inner.heard)
            assert torch.equal(*heard) != training

    def test_a_strategy_over_it_hands_them_on(self):
        """The shape that the sound gives the lips meets the one that they have."""
        fusion = LipShape(DIMS, lambda dims: GivenLips(dims, Hearing)).eval()
        assert fusion.sees_lips
        audio, heard = speech(), []
        for given in (shapes(), shapes()):
            prepared = fusion.prepare(Condition(audio, given=given))
            assert prepared.landmarks is not None
            heard.append(fusion.inner.inner.heard)
        assert not torch.allclose(*heard)


@pytest.mark.parametrize("inner", [DynamicKernel, ChannelConcat, NoFusion])
def test_nothing_else_sees_lips(inner):
    assert not inner(DIMS).sees_lips
    assert not LipShape(DIMS, inner).sees_lips
    assert GivenLips(DIMS, inner).sees_lips


def test_losses_are_the_inner_strategys():
    fusion = GivenLips(DIMS, lambda dims: LandmarkCascade(dims, NoFusion))
    pyramid = torch.randn(2 * PAIRS * FRAMES, 4, 8, 8), torch.randn(2 * PAIRS * FRAMES, 8, 4, 4)
    fused = fusion(pyramid, fusion.prepare(Condition(speech(), given=shapes())).fold())
    batch = Batch(*[torch.empty(0)] * 6, *shapes().chunk(2))
    found = fusion.losses(fused.aux, batch)
    assert found == fusion.inner.losses(fused.aux, batch)
    assert set(found) == {"landmarks"}


def test_what_cannot_be_is_refused():
    with pytest.raises((ValueError, InputError), match="width=0"):
        GivenLips(DIMS, NoFusion, width=0)
