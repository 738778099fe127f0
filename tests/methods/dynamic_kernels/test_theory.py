"""Section V: the inequalities hold, half of them would not, and what is printed has its limits."""

import functools

import pytest
import torch
from torch import nn

from avfuse import ChannelConcat, DynamicKernel, Generator, InputError, load
from avfuse.methods.dynamic_kernels.theory import (
    absorbed,
    activations,
    bounds,
    compare,
    main,
    table,
)
from avfuse.types import Condition, Dims, Kernel

LEAKY = nn.LeakyReLU(0.2)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def norm(x, p=2):
    return torch.linalg.vector_norm(x.double().flatten(1), p, 1)


def worn(fusion):
    """Batch norms as after training, none of which is the identity."""
    for module in fusion.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.2, 3)
    return fusion.eval()


def small(**options):
    fusion = functools.partial(DynamicKernel, **options)
    generator = Generator(fusion, channels=(4, 6, 8), audio_width=2).requires_grad_(False)
    worn(generator)
    return generator


def check(found):
    slack = 1 + 1e-6
    assert (found.lemma <= slack).all()
    for sharper, looser in zip(
        (found.difference, found.difference, found.product),
        (found.measured, found.product, found.theorem),
        strict=True,
    ):
        assert (sharper <= slack * looser).all()


@pytest.mark.parametrize("p", [1, 2])
class TestItHolds:
    @pytest.mark.parametrize(
        "options",
        [{}, {"layers": 1}, {"layers": 2, "kernel_size": 3}, {"dynamic": [1]}, {"rank": 2}],
        ids=str,
    )
    def test_on_random_networks(self, options, p):
        generator = small(**options)
        one, other = 3 * torch.randn(2, 64, 80, 16)
        found = compare(generator, torch.rand(3, 32, 48), one, other, p)
        check(found)
        assert (found.difference > 0).all()

    def test_on_the_bundled_model(self, p):
        generator = load()
        one, other = (4 * torch.randn(2, 12, 80, generator.audio.steps)).clamp(-4, 4)
        found = compare(generator, torch.rand(3, 128, 128), one, other, p)
        check(found)
        assert (found.difference > 0).all()

    def test_one_sound_twice(self, p):
        mel = torch.randn(3, 80, 16)
        found = compare(small(), torch.rand(3, 32, 32), mel, mel, p)
        for value in (found.difference, found.theorem, found.product, found.measured, found.lemma):
            assert not value.any()


class TestItIsTheNetwork:
    """The absorbed kernels are the network that they were made of."""

    @pytest.mark.parametrize("options", [{}, {"kernel_size": 3}, {"dynamic": [0, 2]}], ids=str)
    def test_the_difference(self, options):
        generator = small(**options).double()
        image, (one, other) = torch.rand(3, 64, 32).double(), torch.randn(2, 5, 80, 16).double()
        features = generator.face(image.expand(5, -1, -1, -1))
        first, second = (
            generator.fusion(features, generator.condition(mel[None]).fold()).features[-1]
            for mel in (one, other)
        )
        found = compare(generator, image, one, other)
        torch.testing.assert_close(found.difference, norm(first - second), rtol=1e-6, atol=0)
        bottleneck = norm(features[-1]) ** 2 + features[-1][0, 0].numel()
        torch.testing.assert_close(found.size, bottleneck.sqrt())

    def test_a_layer(self):
        fusion = worn(DynamicKernel(Dims((3,), 4), layers=1, kernel_size=3))
        condition = fusion.prepare(Condition(torch.randn(1, 2, 4))).fold()
        y = torch.randn(2, 3, 5, 7)
        (kernel,) = absorbed(fusion, condition)
        whole = torch.cat([y, torch.ones(2, 1, 5, 7)], 1).double()
        given = [
            torch.conv2d(each[None], k, padding=1) for each, k in zip(whole, kernel, strict=True)
        ]
        result = LEAKY(torch.cat(given))
        expected = fusion((y,), condition).features[-1]
        torch.testing.assert_close(result[:, :-1], expected.double(), rtol=1e-4, atol=1e-5)
        assert (result[:, -1] == 1).all()


def scalar(value, change):
    """One channel, no batch norm to speak of: y_i = g(value · y_{i-1}), and with the change."""
    return [torch.full((1, 1, 1, 1, 1), float(v)) for v in (value, value + change)]


class TestItIsTight:
    """Cases in which both sides nearly meet: half of any bound would be broken."""

    @pytest.mark.parametrize("p", [1, 2])
    @pytest.mark.parametrize("layers", [1, 2, 4])
    def test_large_numbers_of_one_channel(self, layers, p):
        fusion = DynamicKernel(Dims((1,), 1), layers=layers).eval()
        kernels = [[Kernel(k, None)] * layers for k in scalar(1e4, 1)]
        one, other = (absorbed(fusion, Condition(torch.ones(1, 1), tuple(k))) for k in kernels)
        y = torch.full((1, 1, 2, 2), 1e5)
        found = bounds(one, other, activations(fusion), y, p)
        check(found)
        for bound in (found.theorem, found.product, found.measured):
            assert found.difference > 0.99 * bound
        torch.testing.assert_close(found.lemma, torch.ones_like(found.lemma))

    def test_by_hand(self):
        """n = 2, one channel and one pixel: k¹ = 2, k² = 3, x = (4, 1), g the identity here."""
        one, other = (
            [torch.diag(torch.tensor([k, 1.0]))[None, ..., None, None].double()] * 2
            for k in (2.0, 3.0)
        )
        found = bounds(one, other, [LEAKY] * 2, torch.full((1, 1, 1, 1), 4.0), 2)
        root5, root10, size = 5**0.5, 10**0.5, 17**0.5
        expected = {
            "difference": 20.0,  # 4·9 - 4·4
            "theorem": root10 * size * 2,
            "product": size * (root5 + root10),
            "measured": 2 * size + 145**0.5,  # y_1² = (12, 1); the operator norm of k_2¹ is 2
            "largest": root10,
            "apart": 2.0,
            "size": size,
        }
        for name, value in expected.items():
            assert getattr(found, name).item() == pytest.approx(value, rel=1e-9)

    def test_by_hand_in_the_other_norm(self):
        one, other = (
            [torch.diag(torch.tensor([k, 1.0]))[None, ..., None, None].double()] * 2
            for k in (2.0, 3.0)
        )
        found = bounds(one, other, [LEAKY] * 2, torch.full((1, 1, 1, 1), 4.0), 1)
        values = [found.theorem, found.product, found.measured, found.largest]
        assert [v.item() for v in values] == pytest.approx([4 * 5 * 2, 5 * (3 + 4), 10 + 13, 4])


class TestWhatIsPrinted:
    """Where section V says more than is true."""

    @pytest.mark.parametrize("p", [1, 2, 4])
    @pytest.mark.parametrize("g", [LEAKY, nn.Tanh(), nn.Sigmoid()], ids=str)
    def test_lemma_1(self, g, p):
        one, other = 3 * torch.randn(2, 1000, 8)
        assert (norm(g(one) - g(other), p) <= norm(one - other, p)).all()

    def test_lemma_1_is_not_true_of_a_normalisation_that_magnifies(self):
        g = nn.Sequential(nn.BatchNorm2d(1), LEAKY).eval()
        g[0].weight.data.fill_(2)
        one, other = torch.rand(2, 1, 1, 4, 4)
        assert (norm(g(one) - g(other)) > 1.9 * norm(one - other)).all()

    def test_theorem_1_is_not_true_of_the_sigmoid(self):
        """From x = 0, all of the right side is 0; the second layer is handed σ(0) = 1/2."""
        x = torch.zeros(1, 1)
        one, other = (torch.sigmoid(k * torch.sigmoid(k * x)) for k in (1.0, 3.0))
        right_side = 3 * norm(x) * (2 + 2)
        assert norm(one - other) > 0.1 > right_side

    def test_the_cauchy_inequality_is_not_true_of_larger_kernels(self):
        x, k = torch.ones(1, 1, 32, 32), torch.ones(1, 1, 3, 3)
        y = norm(torch.conv2d(x, k, padding=1))
        assert y > 2.5 * norm(k) * norm(x)
        assert y <= 3 * norm(k) * norm(x)  # sqrt(9)
        assert norm(torch.conv2d(x, k, padding=1), 1) <= norm(k, 1) * norm(x, 1)

    def test_nor_of_the_largest_entry_as_the_norm(self):
        x, k = torch.ones(1, 64, 1, 1), torch.full((1, 64, 1, 1), 0.4559)
        assert torch.conv2d(x, k).abs().max() > 60 * 0.4559


class TestBadInput:
    def test_another_strategy(self):
        generator = Generator(ChannelConcat, channels=(4, 6, 8), audio_width=2).eval()
        with pytest.raises(InputError, match="fuses by ChannelConcat"):
            compare(generator, torch.rand(3, 32, 32), *torch.randn(2, 1, 80, 16))

    @pytest.mark.parametrize(("training", "p"), [(True, 2), (False, 3)])
    def test_what_the_theorem_is_not_about(self, training, p):
        with pytest.raises(ValueError, match="expected eval mode and p = 1 or 2"):
            compare(small().train(training), torch.rand(3, 32, 32), *torch.randn(2, 1, 80, 16), p)


class TestCommand:
    def test_a_table_and_a_picture(self, model, speech, tmp_path, capsys):
        plot = tmp_path / "bounds.png"
        assert main([str(model), str(speech), "--pairs", "20", "--plot", str(plot)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("|")[1].strip() for line in lines] == ["p", "---", "1", "2"]
        assert len({line.count("|") for line in lines}) == 1
        assert plot.read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["default", "missing.wav"], "missing.wav"),
            (["missing", "missing.wav"], "neither bundled"),
            (["default", "missing.wav", "--pairs", "0"], "draw at least one"),
        ],
    )
    def test_input_that_cannot_be_used(self, words, said, capsys):
        assert main(words) == 2
        assert said in capsys.readouterr().err

    def test_the_largest_of_what_is_a_maximum(self):
        one, other = (
            torch.diag(torch.tensor([k, 1.0]).double()).repeat(3, 1, 1)[..., None, None]
            for k in (2.0, 3.0)
        )
        found = bounds([one], [other], [LEAKY], torch.tensor([1.0, 4, 2]).view(3, 1, 1, 1), 1)
        row = table({1: found}).splitlines()[-1].replace(" ", "").strip("|").split("|")
        assert row == ["1", "2", "3", "3", "3", "4", "1", "3", "1", "0.8"]
