"""What all strategies learn from that go by the lips' shape."""

import functools

import pytest
import torch

from avfuse import Batch, ChannelConcat, Dims, LandmarkCascade, LipShape
from avfuse.types import LIP_UNIT

DIMS = Dims(visual=(4, 8), audio=24, positions=4)
PAIRS, FRAMES = 3, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=[LandmarkCascade, LipShape])
def cascade(request):
    return lambda inner=ChannelConcat: functools.partial(request.param, DIMS)(inner)


def batch(lips1, lips2):
    return Batch(*[torch.empty(0)] * 6, lips1, lips2)


def lips():
    return torch.randn(PAIRS, FRAMES, 20, 2) * LIP_UNIT


class TestLoss:
    def test_is_zero_for_the_truth_of_both_ways(self, cascade):
        """V1 with A2 becomes V2, so V2's lips come first."""
        one, two = lips(), lips()
        truth = {"landmarks": torch.cat([two, one]).flatten(0, 1)}
        losses = cascade().losses(truth, batch(one, two))
        assert set(losses) == {"landmarks"}
        assert losses["landmarks"] == 0

    def test_is_the_squared_error_in_units_of_lip_motion(self, cascade):
        one, two = lips(), lips()
        off = {"landmarks": torch.cat([two, one]).flatten(0, 1) + 3 * LIP_UNIT}
        assert cascade().losses(off, batch(one, two))["landmarks"].item() == pytest.approx(9, 1e-4)

    def test_the_inner_strategys_own_count(self, cascade):
        class Own(ChannelConcat):
            def losses(self, aux, batch):
                return {"own": aux["landmarks"].mean()}

        one, two = lips(), lips()
        aux = {"landmarks": torch.cat([two, one]).flatten(0, 1)}
        assert set(cascade(Own).losses(aux, batch(one, two))) == {"own", "landmarks"}
