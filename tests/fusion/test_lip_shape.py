"""Sound and picture meet in the shape of the lips, and each learns from its own truth."""

import pytest
import torch

from avfuse import Batch, Condition, Dims, DynamicKernel, Fusion, InputError, LipShape, NoFusion
from avfuse.types import LIP_UNIT

DIMS = Dims(visual=(4, 8), audio=24, positions=4)
PAIRS, FRAMES = 3, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Listening(Fusion):
    """Keeps what it is given."""

    def prepare(self, condition):
        self.given = condition.audio
        return condition

    def forward(self, features, condition):
        raise NotImplementedError


def speech():
    return torch.rand(2 * PAIRS, FRAMES, DIMS.audio)


def shapes():
    return torch.randn(2 * PAIRS, FRAMES, 20, 2) * LIP_UNIT


def pyramid(count=2 * PAIRS * FRAMES):
    return torch.randn(count, 4, 8, 8), torch.randn(count, 8, 4, 4)


class TestMeeting:
    def test_the_true_shape_is_what_the_inner_strategy_hears(self):
        """Whatever is said, and as it would be if that shape had been told."""
        fusion, true = LipShape(DIMS, Listening).eval(), shapes()
        heard = []
        for _ in range(2):
            fusion.prepare(Condition(speech(), landmarks=true))
            heard.append(fusion.inner.given)
        assert torch.equal(*heard)
        fusion.predict = lambda audio: true / LIP_UNIT
        fusion.prepare(Condition(speech()))
        torch.testing.assert_close(fusion.inner.given, heard[0])

    def test_without_one_it_is_what_sound_tells(self):
        fusion, audio = LipShape(DIMS, Listening).eval(), speech()
        fusion.prepare(Condition(audio))
        told = fusion.inner.given
        fusion.prepare(Condition(audio, landmarks=fusion.predict(audio) * LIP_UNIT))
        torch.testing.assert_close(fusion.inner.given, told)

    def test_what_sound_tells_is_handed_on_for_the_loss(self):
        """Not the truth, which would make the loss nothing."""
        fusion, audio = LipShape(DIMS, NoFusion).eval(), speech()
        prepared = fusion.prepare(Condition(audio, landmarks=shapes()))
        torch.testing.assert_close(prepared.landmarks, fusion.predict(audio) * LIP_UNIT)


class TestLearning:
    def trained(self, fusion):
        return {name.split(".")[0] for name, p in fusion.named_parameters() if p.grad is not None}

    def test_the_picture_teaches_nothing_of_the_sounds_side(self):
        fusion = LipShape(DIMS, DynamicKernel)
        fused = fusion(pyramid(), fusion.prepare(Condition(speech())).fold())
        (fused.features[-1] * torch.randn_like(fused.features[-1])).sum().backward()
        assert self.trained(fusion) == {"embed", "inner"}

    def test_lips_teach_nothing_of_the_pictures_side(self):
        fusion = LipShape(DIMS, DynamicKernel)
        fused = fusion(pyramid(), fusion.prepare(Condition(speech())).fold())
        one, two = shapes().chunk(2)
        batch = Batch(*[torch.empty(0)] * 6, one, two)
        fusion.losses(fused.aux, batch)["landmarks"].backward()
        assert self.trained(fusion) == {"tell"}

    def test_tells_the_lips_from_sound(self):
        """What two values of the sound decide is found among many that say nothing."""
        fusion, audio = LipShape(DIMS, NoFusion, dropout=0.0), torch.rand(4, 64, DIMS.audio)
        true = (audio[..., :2] - 0.5) @ torch.randn(2, 40) * 4
        optimizer = torch.optim.Adam(fusion.tell.parameters(), 0.01)
        for _ in range(100):
            error = (fusion.predict(audio).flatten(2) - true).square().mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        told = fusion.eval().predict(audio).flatten(2)
        assert (told - true).square().mean() < 0.1 * true.square().mean()


def test_what_cannot_be_is_refused():
    for options in ({"width": 0}, {"hidden": 0}, {"dropout": 1.0}, {"dropout": -0.1}):
        with pytest.raises((ValueError, InputError), match=next(iter(options))):
            LipShape(DIMS, NoFusion, **options)
