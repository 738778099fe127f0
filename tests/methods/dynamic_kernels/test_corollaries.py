"""Corollaries 1 to 3: they hold, half of them would not, and where the print says too much."""

import functools

import pytest
import torch
from torch import nn

from avfuse import ChannelConcat, DynamicKernel, Generator, InputError, load
from avfuse.methods.dynamic_kernels.corollaries import (
    adversarial,
    compare,
    cycle,
    main,
    perceptual,
)

LEAKY = nn.LeakyReLU(0.2)
SLACK = 1 + 1e-6


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def small(fusion=DynamicKernel, **options):
    made = functools.partial(fusion, **options)
    generator = Generator(made, channels=(4, 6, 8), audio_width=2).requires_grad_(False)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after training, none of which is the identity
            nn.init.normal_(module.weight, 1, 0.5)
            nn.init.normal_(module.running_mean)
    return generator.eval()


def chains(count, layers=2, width=3):
    """Random pointwise networks that keep the channel of ones or not, whatever comes."""
    return [torch.randn(count, width, width, 1, 1, dtype=torch.float64) for _ in range(layers)]


@pytest.mark.parametrize("options", [{}, {"layers": 1}, {"dynamic": [1]}, {"rank": 2}], ids=str)
def test_they_hold_on_random_networks(options):
    generator = small(**options)
    one, other = 3 * torch.randn(2, 32, 80, 16)
    for name, sides in compare(generator, torch.rand(3, 32, 48), one, other)._asdict().items():
        assert (sides.difference <= SLACK * sides.bound).all(), name
        assert (sides.difference > 0).any(), name


def test_they_hold_on_the_bundled_model():
    generator = load()
    one, other = (4 * torch.randn(2, 4, 80, generator.audio.steps)).clamp(-4, 4)
    for sides in compare(generator, torch.rand(3, 64, 64), one, other):
        assert (sides.difference <= SLACK * sides.bound).all()


def test_they_hold_of_any_chains():
    x = torch.randn(256, 2, 2, 2)
    f, d = (chains(256), chains(256)), (chains(256), chains(256))
    gs = [LEAKY] * 2
    found = (
        adversarial(f, d, (gs, gs), x),
        perceptual(f, d[0], (gs, gs), x, torch.randn(256, 3, 2, 2)),
        cycle(f, d, gs, x),
    )
    for sides in found:
        assert (sides.difference <= SLACK * sides.bound).all()


def one_number(*values):
    """Kernels 1 x 2: times a number, the ones left out."""
    return [torch.tensor([value, 0.0], dtype=torch.float64).view(1, 1, 2, 1, 1) for value in values]


def test_the_bounds_of_1_and_2_can_nearly_be_met():
    """Positive numbers, one layer: f(x) = k·x, of which half of any bound would be too little."""
    x = torch.full((1, 1, 8, 8), 1e3)
    truth = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    near, far = one_number(1.0), one_number(2.0)
    sides = perceptual((near, far), [], ([LEAKY], []), x, truth)
    assert 0.5 < sides.difference / sides.bound <= 1
    # D(f(x)) = k·x with D that of the eye: 2² - 1² = 3 of (1 + 1)·DK² + 2·(4 + 2)·DK.
    plain = (one_number(1.0), one_number(2.0))
    judged = adversarial(([], []), plain, ([], [LEAKY]), x)
    assert 0.1 < judged.difference / judged.bound <= 1


def test_corollary_1_as_printed_fails_near_nothing():
    """Without biases: the left falls as ‖x‖, the right as ‖x‖², whatever the constants."""
    d, gs = (one_number(1.0), one_number(2.0)), ([], [LEAKY])
    ratio = []
    for size in (1e-2, 1e-4):
        x = torch.full((1, 1, 4, 4), size)
        ratio.append(adversarial(([], []), d, gs, x).difference / x.double().square().sum())
    assert ratio[1] > 50 * ratio[0]


def test_same_sounds_make_no_difference_but_the_discriminators():
    generator = small()
    mel = torch.randn(2, 80, 16)
    found = compare(generator, torch.rand(3, 32, 32), mel, mel)
    assert not found.perceptual.difference.any()
    assert not found.cycle.difference.any()
    assert found.adversarial.difference.all()


def test_prints_a_table(model, speech, capsys):
    assert main([str(model), str(speech), "--pairs=3"]) == 0
    said = capsys.readouterr().out
    assert all(f"| {name} |" in said for name in ("adversarial", "perceptual", "cycle"))


def test_other_strategies_are_refused():
    with pytest.raises(InputError, match="section V is on DynamicKernel"):
        compare(small(ChannelConcat), torch.rand(3, 32, 32), *torch.randn(2, 1, 80, 16))
