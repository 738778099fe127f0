"""Where the dynamic layers stand, and what their generator costs."""

import pytest
import torch
import torch.nn.functional as F

from avfuse import Condition, Dims, DynamicKernel

DIMS = Dims(visual=(4, 8), audio=12)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pyramid(count=3):
    return torch.randn(count, 4, 8, 8), torch.randn(count, 8, 4, 4)


def parameters(**options):
    return sum(p.numel() for p in DynamicKernel(DIMS, **options).parameters())


class TestPlaces:
    @pytest.mark.parametrize("places", [(0,), (1, 2), (3, 0)])
    def test_is_a_loop_over_samples(self, places):
        """Each sample, alone, through ordinary convolutions with the kernels that were made."""
        fusion = DynamicKernel(DIMS, kernel_size=3, dynamic=places).eval()
        features, audio = pyramid(), torch.rand(1, 3, 12)
        condition = fusion.prepare(Condition(audio)).fold()
        fused = fusion(features, condition).features[-1]
        kernels = dict(zip(sorted(places), condition.kernels, strict=True))
        for sample in range(3):
            y = features[-1][sample : sample + 1]
            for layer in range(4):
                if layer in kernels:
                    weight = kernels[layer].weight[sample]
                    y = F.conv2d(y, weight, kernels[layer].bias[sample], padding=1)
                else:
                    static = fusion.static[str(layer)]
                    y = F.conv2d(y, static.weight, static.bias, padding=1)
                y = fusion.combine[layer](y)
            torch.testing.assert_close(fused[sample : sample + 1], y, rtol=1e-4, atol=1e-5)

    def test_all_are_dynamic_unless_said(self):
        fusion = DynamicKernel(DIMS)
        assert list(fusion.dynamic) == ["0", "1", "2", "3"]
        assert len(fusion.static) == 0

    @pytest.mark.parametrize("places", [(), (4,), (-1,), (0, 7)])
    def test_places_that_are_none(self, places):
        with pytest.raises(ValueError, match=r"expected some of \[0, 1, 2, 3\]"):
            DynamicKernel(DIMS, dynamic=places)

    def test_an_even_kernel(self):
        with pytest.raises(ValueError, match=r"kernel_size=2; expected .* odd"):
            DynamicKernel(DIMS, kernel_size=2)


class TestGenerator:
    """8 channels: 8·8 + 8 = 72 numbers a layer; 16 parameters of batch norm a layer."""

    def test_full(self):
        assert parameters() == 4 * (72 * (12 + 1) + 16)

    def test_low_rank_squeezes_for_each_layer(self):
        assert parameters(rank=3) == 4 * (3 * (12 + 1) + 72 * (3 + 1) + 16)

    def test_bottleneck_squeezes_once(self):
        assert parameters(bottleneck=3) == 3 * (12 + 1) + 4 * (72 * (3 + 1) + 16)

    def test_as_many_numbers_a_frame_as_the_paper_says(self):
        """256 channels, kernel size 1: 65,792 numbers a layer."""
        fusion = DynamicKernel(Dims((256,), 2), rank=1)
        condition = fusion.prepare(Condition(torch.rand(1, 1, 2)))
        assert [k.weight.numel() + k.bias.numel() for k in condition.kernels] == [65_792] * 4
