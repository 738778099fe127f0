"""`dynamic_conv2d` is a loop of `F.conv2d` over samples, and `DynamicConv2d` its module."""

import itertools
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from avfuse import DynamicConv2d, Kernel, dynamic_conv2d


def loop(x, kernel, bias=None, **geometry):
    """The definition: every sample by itself."""
    biases = [None] * len(x) if bias is None else bias
    return torch.stack(
        [
            F.conv2d(sample[None], weight, b, **geometry)[0]
            for sample, weight, b in zip(x, kernel, biases, strict=True)
        ]
    )


def operands(
    size=(9, 8), kernel_size=(3, 3), *, batch=3, channels=4, outputs=6, groups=1, bias=True
):
    x = torch.randn(batch, channels, *size, dtype=torch.float64)
    kernel = torch.randn(batch, outputs, channels // groups, *kernel_size, dtype=torch.float64)
    return x, kernel, torch.randn(batch, outputs, dtype=torch.float64) if bias else None


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


# The three paths: a product over pixels (1x1), one over patches (few pixels), grouped (the rest).
PATHS = [
    pytest.param((9, 8), (1, 1), {}, id="pixels"),
    pytest.param((4, 4), (3, 3), {"padding": 1}, id="patches"),
    pytest.param((9, 8), (3, 3), {"padding": 1}, id="grouped"),
]


class TestAgreesWithLoop:
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("groups", [1, 2])
    @pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (1, 3), (4, 2), (5, 5)])
    @pytest.mark.parametrize("size", [(9, 8), (6, 5)])
    def test_over_geometries(self, size, kernel_size, groups, bias):
        args = operands(size, kernel_size, groups=groups, bias=bias)
        for stride, padding, dilation in itertools.product(
            [1, 2, (2, 1)], [0, 1, (2, 1)], [1, (1, 2)]
        ):
            geometry = {"stride": stride, "padding": padding, "dilation": dilation}
            reach = [
                s + 2 * p - d * (k - 1)
                for s, p, d, k in zip(size, pair(padding), pair(dilation), kernel_size, strict=True)
            ]
            if min(reach) < 1:
                with pytest.raises(ValueError, match="larger than x"):
                    dynamic_conv2d(*args, **geometry, groups=groups)
                continue
            torch.testing.assert_close(
                dynamic_conv2d(*args, **geometry, groups=groups),
                loop(*args, **geometry, groups=groups),
            )

    def test_depthwise(self):
        x, kernel, bias = operands(channels=4, outputs=8, groups=4)
        torch.testing.assert_close(
            dynamic_conv2d(x, kernel, bias, padding=1, groups=4),
            loop(x, kernel, bias, padding=1, groups=4),
        )

    @pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
    def test_channels_last(self, size, kernel_size, geometry):
        x, kernel, bias = operands(size, kernel_size)
        x = x.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(
            dynamic_conv2d(x, kernel, bias, **geometry), loop(x, kernel, bias, **geometry)
        )

    @pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
    def test_samples_do_not_mix(self, size, kernel_size, geometry):
        x, kernel, bias = operands(size, kernel_size)
        before = dynamic_conv2d(x, kernel, bias, **geometry)
        kernel[1], x[1] = 0, 0
        after = dynamic_conv2d(x, kernel, bias, **geometry)
        torch.testing.assert_close(after[[0, 2]], before[[0, 2]])
        assert not torch.equal(after[1], before[1])


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
def test_gradcheck(size, kernel_size, geometry, bias):
    args = [
        None if a is None else a.requires_grad_()
        for a in operands(size, kernel_size, batch=2, channels=2, outputs=2, bias=bias)
    ]
    assert torch.autograd.gradcheck(lambda *a: dynamic_conv2d(*a, **geometry), args)


@pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
def test_autocast(size, kernel_size, geometry):
    x, kernel, bias = (a.float().requires_grad_() for a in operands(size, kernel_size))
    with torch.autocast("cpu", torch.bfloat16):
        y = dynamic_conv2d(x, kernel, bias, **geometry)
        mixed = dynamic_conv2d(x.bfloat16(), kernel, bias, **geometry)
    assert y.dtype == mixed.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), loop(x, kernel, bias, **geometry), rtol=0.05, atol=0.15)
    y.float().sum().backward()
    assert x.grad.dtype == kernel.grad.dtype == bias.grad.dtype == torch.float32


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
def test_empty_batch(size, kernel_size, geometry, groups):
    args = [a.requires_grad_() for a in operands(size, kernel_size, batch=0, groups=groups)]
    y = dynamic_conv2d(*args, **geometry, groups=groups)
    assert y.shape == (0, 6, *size)
    y.sum().backward()
    assert args[0].grad.shape == args[0].shape
    assert args[1].grad.shape == args[1].shape


@pytest.mark.parametrize(("size", "kernel_size", "geometry"), PATHS)
def test_export_with_dynamic_batch(size, kernel_size, geometry):
    class Layer(torch.nn.Module):
        def forward(self, x, kernel, bias):
            return dynamic_conv2d(x, kernel, bias, **geometry)

    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(
        Layer(), operands(size, kernel_size), dynamic_shapes=({0: batch},) * 3
    )
    for count in (2, 7):
        args = operands(size, kernel_size, batch=count)
        torch.testing.assert_close(program.module()(*args), loop(*args, **geometry))


COMPILE = """
import torch
from avfuse import dynamic_conv2d

compiled = torch.compile(dynamic_conv2d, backend="aot_eager", fullgraph=True, dynamic=True)
for height, taps in [(9, 1), (4, 3), (9, 3)]:
    for batch in (2, 5):
        x = torch.randn(batch, 4, height, 4, requires_grad=True)
        kernel, bias = torch.randn(batch, 6, 4, taps, taps), torch.randn(batch, 6)
        expected = dynamic_conv2d(x, kernel, bias, padding=taps // 2)
        y = compiled(x, kernel, bias, padding=taps // 2)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(
            torch.autograd.grad(y.sum(), x), torch.autograd.grad(expected.sum(), x)
        )
"""


def test_compiles_into_one_graph():
    # In a process of its own: the shape checks that run under pytest are Python that no compiler
    # can follow.
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


MODES = ["zeros", "reflect", "replicate", "circular"]
PADDINGS = [1, (2, 0), "same", "valid"]


def twins(kernel_size, rank=None, **options):
    """A dynamic convolution whatever the code, and torch's with the same kernel."""
    ours = DynamicConv2d(4, 6, kernel_size, features=5, rank=rank, **options).double()
    theirs = torch.nn.Conv2d(4, 6, kernel_size, **options).double()
    torch.nn.init.zeros_(ours.expand.weight)
    kernel = ours.kernels(torch.zeros(5, dtype=torch.float64))
    theirs.load_state_dict({"weight": kernel.weight, "bias": kernel.bias})
    return ours, theirs


class TestPadding:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("padding", PADDINGS)
    @pytest.mark.parametrize("kernel_size", [1, 3, (4, 2)])
    @pytest.mark.parametrize("dilation", [1, (1, 2)])
    @pytest.mark.parametrize("size", [(9, 8), (4, 5)])
    def test_is_conv2ds(self, size, dilation, kernel_size, padding, mode):
        ours, theirs = twins(kernel_size, padding=padding, padding_mode=mode, dilation=dilation)
        x = torch.randn(3, 4, *size, dtype=torch.float64)
        y = ours(x, torch.randn(3, 5, dtype=torch.float64))
        torch.testing.assert_close(y, theirs(x))
        if padding == "same":
            assert y.shape[-2:] == size

    @pytest.mark.parametrize("mode", MODES)
    def test_with_a_stride(self, mode):
        ours, theirs = twins(3, padding=1, padding_mode=mode, stride=2)
        x = torch.randn(3, 4, 9, 8, dtype=torch.float64)
        torch.testing.assert_close(ours(x, torch.zeros(3, 5, dtype=torch.float64)), theirs(x))

    @pytest.mark.parametrize("padding", ["same", "valid"])
    @pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (4, 2)])
    @pytest.mark.parametrize("size", [(9, 8), (4, 4)])
    def test_of_the_function(self, size, kernel_size, padding):
        args = operands(size, kernel_size)
        y = dynamic_conv2d(*args, padding=padding)
        torch.testing.assert_close(y, loop(*args, padding=padding))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"padding": "same", "stride": 2}, r"padding='same' with stride=\(2, 2\)"),
            ({"padding": "full"}, "padding is 'full'; expected pixels, 'same' or 'valid'"),
            ({"padding_mode": "mirror"}, "padding_mode is 'mirror'; expected one of zeros, refl"),
        ],
    )
    def test_what_conv2d_refuses(self, options, message):
        with pytest.raises(ValueError, match=message):
            DynamicConv2d(4, 6, 3, features=5, **options)
        with pytest.raises(ValueError, match="padding"):
            torch.nn.Conv2d(4, 6, 3, **options)

    def test_is_said(self):
        assert "padding=same, padding_mode=reflect" in repr(
            DynamicConv2d(4, 6, 3, features=5, padding="same", padding_mode="reflect")
        )


class TestMeta:
    @pytest.mark.parametrize("rank", [None, 3])
    @pytest.mark.parametrize(
        ("kernel_size", "size", "expected"),
        [(1, (9, 8), (9, 8)), (3, (4, 4), (4, 4)), (3, (9, 8), (9, 8)), ((4, 2), (9, 8), (8, 9))],
    )
    def test_shapes_without_numbers(self, kernel_size, size, expected, rank):
        padding = 0 if kernel_size == 1 else 1
        with torch.device("meta"):
            layer = DynamicConv2d(4, 6, kernel_size, features=5, padding=padding, rank=rank)
            y = layer(torch.empty(3, 4, *size), torch.empty(3, 5))
        assert y.shape == (3, 6, *expected)
        assert y.device.type == "meta"

    def test_device_is_an_argument(self):
        layer = DynamicConv2d(4, 6, features=5, rank=2, device="meta", dtype=torch.float64)
        assert {(p.device.type, p.dtype) for p in layer.parameters()} == {("meta", torch.float64)}


def unchecked(function):
    return getattr(function, "__wrapped__", function)


class TestErrors:
    def test_image_without_batch(self):
        x, kernel, _ = operands()
        with pytest.raises((ValueError, TypeError)):
            dynamic_conv2d(x[0], kernel)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda x, k, b: (x[:1], k, b), "kernel is for 3 samples, x has 1"),
            (lambda x, k, b: (x, k[:, :, :2], b), "does not fit x with 4 channels"),
            (lambda x, k, b: (x, k, b[:, :2]), r"bias has shape \(3, 2\); expected \(3, 6\)"),
            (lambda x, k, b: (x, k[..., 0], b), r"expected \(B, C_out, C_in / groups, kH, kW\)"),
            (lambda x, k, b: (x[0], k, b), r"expected \(B, C, H, W\)"),
        ],
    )
    def test_operands_that_do_not_fit(self, change, message):
        # As users meet it: without the shape checks that only run in tests.
        with pytest.raises(ValueError, match=message):
            unchecked(dynamic_conv2d)(*change(*operands()))

    @pytest.mark.parametrize("geometry", [{"stride": 0}, {"padding": (0, -1)}, {"dilation": 0}])
    @pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3)])
    def test_geometry_that_makes_no_convolution(self, kernel_size, geometry):
        with pytest.raises(ValueError, match="strides and dilations start at 1, paddings at 0"):
            dynamic_conv2d(*operands(kernel_size=kernel_size), **geometry)

    def test_groups_that_do_not_divide(self):
        x, kernel, _ = operands(outputs=5, groups=2)
        with pytest.raises(ValueError, match="C_out divisible by groups"):
            dynamic_conv2d(x, kernel, groups=2)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"in_channels": 0}, "in_channels is 0"),
            ({"out_channels": -1}, "out_channels is -1"),
            ({"features": 0}, "features is 0"),
            ({"rank": 0}, "rank is 0"),
            ({"kernel_size": 0}, "kernel_size is 0"),
            ({"kernel_size": (3, -1)}, "kernel_size is -1"),
            ({"groups": 0}, "groups is 0"),
            ({"groups": 3}, "groups=3 does not divide"),
        ],
    )
    def test_module(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            DynamicConv2d(**{"in_channels": 4, "out_channels": 4, "features": 8, **arguments})


class TestModule:
    def test_full_generator_makes_the_papers_numbers(self):
        # VI-A: "the fully connected network outputs 65,792 numbers" per layer, from a code of 512.
        layer = DynamicConv2d(256, 256, features=512)
        assert layer.expand.out_features == 256 * 257 == 65_792
        assert sum(p.numel() for p in layer.parameters()) == 513 * 65_792

    def test_rank_makes_it_affordable(self):
        layer = DynamicConv2d(256, 256, features=512, rank=64)
        assert sum(p.numel() for p in layer.parameters()) == 513 * 64 + 65 * 65_792

    @pytest.mark.parametrize("rank", [None, 3])
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("kernel_size", [1, 3, (1, 3)])
    def test_is_the_function_on_its_kernels(self, kernel_size, bias, rank):
        layer = DynamicConv2d(
            4, 6, kernel_size, features=5, stride=2, padding=1, groups=2, bias=bias, rank=rank
        )
        x, code = torch.randn(3, 4, 9, 8), torch.randn(3, 5)
        kernel = layer.kernels(code)
        assert isinstance(kernel, Kernel)
        assert kernel.weight.shape == (3, 6, 2, *pair(kernel_size))
        assert (kernel.bias is not None) == bias
        expected = loop(x, kernel.weight, kernel.bias, stride=2, padding=1, groups=2)
        torch.testing.assert_close(layer(x, code), expected)

    def test_kernels_keep_leading_dimensions(self):
        layer = DynamicConv2d(4, 6, 3, features=5)
        code = torch.randn(2, 7, 5)
        over_time, folded = layer.kernels(code), layer.kernels(code.flatten(0, 1))
        torch.testing.assert_close(over_time.weight.flatten(0, 1), folded.weight)
        torch.testing.assert_close(over_time.bias.flatten(0, 1), folded.bias)

    @pytest.mark.parametrize("rank", [None, 8])
    def test_starts_with_the_scale_of_its_input(self, rank):
        layer = DynamicConv2d(64, 64, 3, features=32, padding=1, rank=rank)
        y = layer(torch.randn(4, 64, 16, 16).relu(), torch.randn(4, 32))
        assert 0.5 < y.std() < 2.5

    def test_gradients_reach_code_and_every_parameter(self):
        layer = DynamicConv2d(4, 4, features=5, rank=2)
        code = torch.randn(3, 5, requires_grad=True)
        layer(torch.randn(3, 4, 8, 8), code).square().sum().backward()
        assert code.grad.abs().min() > 0
        assert all(p.grad.abs().max() > 0 for p in layer.parameters())

    def test_state_dict_round_trip(self):
        one, other = (DynamicConv2d(4, 4, 3, features=5, rank=2) for _ in range(2))
        other.load_state_dict(one.state_dict())
        x, code = torch.randn(3, 4, 8, 8), torch.randn(3, 5)
        assert torch.equal(one(x, code), other(x, code))
