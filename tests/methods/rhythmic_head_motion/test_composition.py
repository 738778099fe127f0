"""The non-linear composition module (Fig. 6), and the ablation of it."""

import pytest
import torch
import torch.nn.functional as F

from avfuse.layers.warp import warp
from avfuse.methods.rhythmic_head_motion.composition import (
    Adaptive,
    Matting,
    NonLinear,
    Spade,
)
from avfuse.methods.rhythmic_head_motion.embedding import Embedded
from avfuse.methods.rhythmic_head_motion.flow import FlowNetwork, Guide
from avfuse.methods.rhythmic_head_motion.losses import warping

CHANNELS, WIDTH, LAYERS, SIZE = (4, 4, 8), 8, 2, 32


def guide(frames=2):
    return Guide(torch.rand(frames, 3, SIZE, SIZE), torch.rand(frames, 1, SIZE, SIZE))


def given(net, frames=2, guides=2):
    appearance, codes = torch.randn(frames, 8, 8, 8), torch.randn(frames, LAYERS, WIDTH)
    thetas = net.weights(Embedded(appearance, codes))
    marks = torch.rand(frames, 1, SIZE, SIZE)
    return appearance, thetas, marks, tuple(guide(frames) for _ in range(guides))


@pytest.fixture(params=[NonLinear, Matting])
def net(request):
    return request.param(CHANNELS, WIDTH, LAYERS, 2, 1).eval().requires_grad_(False)


def test_draws_pictures(net):
    made = net(*given(net))
    assert made.image.shape == (2, 3, SIZE, SIZE)
    assert made.image.min() >= 0
    assert made.image.max() <= 1
    assert len(made.warped) == 2


def test_every_frame_is_drawn_by_itself(net):
    appearance, thetas, marks, guides = given(net)
    whole = net(appearance, thetas, marks, guides).image

    def second(part):
        return type(part)(*map(second, part)) if isinstance(part, tuple) else part[1:]

    alone = net(
        appearance[1:], tuple(map(second, thetas)), marks[1:], tuple(map(second, guides))
    ).image
    torch.testing.assert_close(alone, whole[1:], rtol=1e-4, atol=1e-5)


def test_all_that_is_given_counts(net):
    appearance, thetas, marks, guides = given(net)
    drawn = net(appearance, thetas, marks, guides).image
    others = [
        net(-appearance, thetas, marks, guides),
        net(appearance, thetas, 1 - marks, guides),
        net(appearance, thetas, marks, (guide(), guides[1])),
        net(appearance, thetas, marks, (guides[0], guide())),
        net(appearance, given(net)[1], marks, guides),
    ]
    for other in others:
        assert not torch.allclose(other.image, drawn, atol=1e-5)


def test_one_guide_is_enough():
    net = NonLinear(CHANNELS, WIDTH, LAYERS, 1, 1)
    assert net(*given(net, guides=1)).image.shape == (2, 3, SIZE, SIZE)


def test_adaptive_spade_in_a_loop_over_frames():
    """θ of every frame as the weights of a plain convolution."""
    layer = Adaptive(4, WIDTH).requires_grad_(False)
    theta = layer.weights(torch.randn(3, WIDTH))
    x, marks = torch.randn(3, 4, 5, 5), torch.randn(3, 4, 5, 5)
    made = layer(x, marks, theta)
    for n in range(3):
        scale, shift = (
            F.conv2d(marks[n : n + 1], k.weight[n], k.bias[n]) for k in (theta.scale, theta.shift)
        )
        torch.testing.assert_close(made[n], (x[n] * (1 + scale) + shift)[0], rtol=1e-4, atol=1e-5)


def test_a_spade_whose_picture_says_nothing_changes_nothing():
    spade = Spade(4)
    torch.nn.init.zeros_(spade.both.bias)
    x = torch.randn(2, 4, 6, 6)
    torch.testing.assert_close(spade(x, torch.zeros(2, 4, 6, 6)), x)


def test_matting_lays_the_projected_picture_over_all():
    net = Matting(CHANNELS, WIDTH, LAYERS, 2, 1).eval()
    for number, value in ((0, 50.0), (1, 50.0)):
        torch.nn.init.zeros_(net.move[number].attention.weight)
        torch.nn.init.constant_(net.move[number].attention.bias, value)
    made = net(*given(net))
    torch.testing.assert_close(made.image, made.warped[0].image)


class TestFlow:
    @pytest.fixture
    def flow(self):
        return FlowNetwork(4, 1).eval()

    def test_what_moves_is_the_guide(self, flow):
        one = guide()
        made = flow(one, torch.rand(2, 1, SIZE, SIZE))
        torch.testing.assert_close(made.image, warp(one.image, made.flow))
        assert made.attention.min() >= 0
        assert made.attention.max() <= 1

    def test_a_flow_of_one_is_so_much_of_the_picture(self, flow):
        """20 pixels of 256, as its authors have it."""
        torch.nn.init.zeros_(flow.flow.weight)
        torch.nn.init.ones_(flow.flow.bias)
        made = flow(guide(), torch.rand(2, 1, SIZE, SIZE))
        torch.testing.assert_close(made.flow, torch.full_like(made.flow, 20 * SIZE / 256))

    def test_learns_to_shift_a_picture(self):
        flow = FlowNetwork(4, 1)
        image = torch.rand(4, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
        one, target = Guide(image, torch.zeros(4, 1, SIZE, SIZE)), image.roll(2, 3)
        optimizer = torch.optim.Adam(flow.parameters(), 1e-2)
        losses = []
        for _ in range(40):
            loss = warping([one], [flow(one, torch.ones(4, 1, SIZE, SIZE))], target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss))
        assert losses[-1] < 0.6 * losses[0]

    def test_where_a_guide_shows_nothing_it_is_not_judged(self, flow):
        dark = Guide(torch.zeros(2, 3, SIZE, SIZE), torch.rand(2, 1, SIZE, SIZE))
        moved = flow(dark, dark.marks)
        assert warping([dark], [moved], torch.ones(2, 3, SIZE, SIZE)) == 0
