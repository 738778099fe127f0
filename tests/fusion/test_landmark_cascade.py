"""Sound to landmarks, landmarks to the image, and nothing past them."""

import pytest
import torch

from avfuse import (
    AudioEncoder,
    Batch,
    ChannelConcat,
    Condition,
    Dims,
    DynamicKernel,
    Fusion,
    LandmarkCascade,
)
from avfuse.types import LIP_UNIT

DIMS = Dims(visual=(4, 8), audio=24, positions=4)
PAIRS, FRAMES = 3, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def cascade(inner=ChannelConcat, **options):
    return LandmarkCascade(DIMS, inner, **options)


def speech():
    return torch.rand(2 * PAIRS, FRAMES, DIMS.audio)


def batch(lips1, lips2):
    nothing = torch.empty(0)
    return Batch(*[nothing] * 6, lips1, lips2)


def lips():
    return torch.randn(PAIRS, FRAMES, 20, 2) * LIP_UNIT


def pyramid(count=2 * PAIRS * FRAMES):
    return torch.randn(count, 4, 8, 8), torch.randn(count, 8, 4, 4)


class TestPrediction:
    def test_positions_are_the_encoders(self):
        """Sound late in the window changes the last position's channels, and not the first's."""
        encoder = AudioEncoder(steps=48, width=2).eval()
        mel = torch.randn(2, 80, 48)
        mel[1, :, :44] = mel[0, :, :44]
        before, after = encoder(mel).unflatten(1, (-1, encoder.positions))
        assert before.shape == (32, 6)
        assert torch.equal(before[:, 0], after[:, 0])
        assert not torch.equal(before[:, -1], after[:, -1])

    def test_lies_in_the_space_of_its_components(self):
        shapes = cascade(components=3).predict(torch.randn(8, 10, DIMS.audio) * 10)
        singular = torch.linalg.svdvals(shapes.flatten(2).flatten(0, 1))
        assert singular[2] > 1e-5 * singular[0]
        assert singular[3] < 1e-5 * singular[0]

    def test_order_in_time_counts(self):
        """An LSTM, and over time: what comes first and what last is not the same."""
        fusion, audio = cascade(), speech()
        swapped = audio.unflatten(2, (-1, DIMS.positions)).flip(3).flatten(2)
        assert not torch.allclose(fusion.predict(audio), fusion.predict(swapped), atol=1e-4)

    def test_every_position_is_heard(self):
        fusion, audio = cascade(layers=1), speech().requires_grad_()
        fusion.predict(audio).square().sum().backward()
        heard = audio.grad.unflatten(2, (-1, DIMS.positions)).abs().sum((0, 1, 2))
        assert (heard > 0).all()

    def test_clips_and_frames_do_not_mix(self):
        fusion, audio = cascade(), speech().requires_grad_()
        fusion.predict(audio)[1, 2].sum().backward()
        elsewhere = audio.grad.abs().sum(2)
        assert elsewhere[1, 2] > 0
        elsewhere[1, 2] = 0
        assert elsewhere.max() == 0

    def test_learns_what_sound_says_of_the_lips(self):
        """Its own loss alone teaches it; a target of as many components can be reached."""
        fusion, audio = cascade(components=2, layers=1), speech()
        seen = (audio[..., :2] - 0.5) @ torch.randn(2, 40) * 4 * LIP_UNIT
        two, one = seen.unflatten(2, (20, 2)).chunk(2)
        optimizer = torch.optim.Adam(fusion.parameters(), 0.02)
        errors = []
        for _ in range(150):
            condition = fusion.prepare(Condition(audio)).fold()
            aux = {"landmarks": condition.landmarks}
            (error,) = fusion.losses(aux, batch(one, two)).values()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            errors.append(error.item())
        assert errors[-1] < 0.1 * errors[0]


class TestDecoupling:
    """The paper trains the two networks apart (3.1)."""

    @pytest.fixture
    def fusion(self):
        return cascade(DynamicKernel).train()

    def trained(self, fusion):
        return {name.split(".")[0] for name, p in fusion.named_parameters() if p.grad is not None}

    def test_the_image_teaches_what_follows_the_landmarks(self, fusion):
        fused = fusion(pyramid(), fusion.prepare(Condition(speech())).fold())
        (fused.features[-1] * torch.randn_like(fused.features[-1])).sum().backward()
        assert self.trained(fusion) == {"embed", "inner"}

    def test_the_landmarks_teach_what_comes_before_them(self, fusion):
        fused = fusion(pyramid(), fusion.prepare(Condition(speech())).fold())
        fusion.losses(fused.aux, batch(lips(), lips()))["landmarks"].backward()
        assert self.trained(fusion) == {"lstm", "coefficients", "basis"}


class TestCode:
    class Listening(Fusion):
        """Keeps what it is given."""

        def prepare(self, condition):
            self.given = condition.audio
            return condition

        def forward(self, features, condition):
            raise NotImplementedError

    def test_of_lips_at_rest_is_zero(self):
        """f(p) - f(p_ref) of eq. 5: no difference, no code."""
        fusion = cascade(self.Listening)
        torch.nn.init.zeros_(fusion.basis.weight)
        fusion.prepare(Condition(speech()))
        assert fusion.inner.given.abs().max() < 1e-6

    def test_is_all_that_the_inner_strategy_hears(self):
        """Two sounds that predict the same landmarks are one."""
        fusion, audio = cascade(self.Listening), torch.rand(1, 1, DIMS.audio)
        torch.nn.init.zeros_(fusion.coefficients.weight)
        fusion.prepare(Condition(audio))
        first = fusion.inner.given
        assert first.shape == (1, 1, DIMS.audio // DIMS.positions)
        assert first.abs().max() > 0
        fusion.prepare(Condition(audio + 1))
        assert torch.equal(fusion.inner.given, first)
