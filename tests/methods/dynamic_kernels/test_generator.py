"""The generator: any size, eq. 7, frames by themselves."""

import functools

import pytest
import torch
from jaxtyping import TypeCheckError

from avfuse import Condition, DynamicKernel, Generator, GivenLips, NoFusion
from avfuse.geometry.pose import mean_shape
from avfuse.layers.warp import blend, warp
from avfuse.types import Seen


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def small(fusion=DynamicKernel, **options):
    return Generator(fusion, **{"channels": (4, 6, 8), "audio_width": 2, **options}).eval()


def inputs(generator, count=2, size=(32, 48)):
    mel = torch.randn(1, count, 80, generator.audio.steps)
    return torch.rand(count, 3, *size), generator.condition(mel).fold()


class TestSizes:
    @pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 96), (64, 128), (160, 32)])
    def test_fully_convolutional(self, size):
        generator = Generator(functools.partial(DynamicKernel, rank=2), audio_width=2).eval()
        image, condition = inputs(generator, size=size)
        generated = generator(image, condition)
        assert generated.image.shape == generated.motion.shape == (2, 3, *size)
        assert generated.mask.shape == (2, 1, *size)

    @pytest.mark.parametrize("size", [(30, 32), (32, 36), (1, 1)])
    def test_sides_that_do_not_divide(self, size):
        generator = small()
        image, condition = inputs(generator, size=size)
        with pytest.raises(ValueError, match=f"image is {size[1]}x{size[0]}; sides must divide by"):
            generator(image, condition)

    @pytest.mark.parametrize("channels", [(4,), (4, 8), (4, 6, 8, 10)])
    @pytest.mark.parametrize("steps", [16, 28])
    def test_levels_and_windows(self, channels, steps):
        generator = small(channels=channels, mel_steps=steps)
        assert generator.stride == 2 ** len(channels)
        assert generator.fusion.dims == (channels, generator.audio.dim, generator.audio.positions)
        image, condition = inputs(generator)
        assert generator(image, condition).image.shape == image.shape

    def test_residual_blocks(self):
        generator = small(blocks=(0, 1, 2))
        image, condition = inputs(generator)
        assert generator(image, condition).image.shape == image.shape
        assert parameters(generator) > parameters(small())

    @pytest.mark.parametrize(
        "options",
        [
            {"channels": ()},
            {"channels": (4, 0)},
            {"channels": (4, -8)},
            {"blocks": (1,)},
            {"blocks": (0, 0, -1)},
        ],
    )
    def test_plans_that_make_no_network(self, options):
        with pytest.raises(ValueError, match="expected positive channels"):
            small(**options)

    def test_the_papers_plan(self):
        # About 2 M for the U-Net; its kernels' full generator would add four times 513 · 65,792.
        generator = Generator(functools.partial(DynamicKernel, rank=8))
        unet = parameters(generator.face) + parameters(generator.decoder)
        assert 5e5 < unet < 4e6
        assert generator.stride == 32
        assert generator.fusion.dims.visual[-1] == 256
        assert generator.fusion.dims.audio == 512


def parameters(module):
    return sum(p.numel() for p in module.parameters())


class TestBlending:
    def test_equation_7(self):
        generator = small()
        image, condition = inputs(generator)
        out = generator(image, condition)
        torch.testing.assert_close(out.image, image * (1 - out.mask) + out.motion * out.mask)
        assert not torch.allclose(out.image, image)

    def test_mask_takes_or_leaves(self):
        image, motion = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
        assert torch.equal(blend(image, torch.zeros(1, 1, 8, 8), motion), image)
        assert torch.equal(blend(image, torch.ones(1, 1, 8, 8), motion), motion)

    def test_without_blending_the_motion_image_is_the_output(self):
        generator = small(blend=False)
        out = generator(*inputs(generator))
        assert torch.equal(out.image, out.motion)

    def test_masks_and_drawn_pictures_are_in_range(self):
        generator = small(blend=False)
        out = generator(*inputs(generator))
        for value in (out.image, out.mask, out.motion):
            assert value.min() >= 0
            assert value.max() <= 1

    def test_the_motion_image_is_the_picture_moved_and_changed(self):
        generator = small()
        torch.nn.init.normal_(generator.heads[0].weight, std=0.1)
        image, condition = inputs(generator)
        out = generator(image, condition)
        drawn = generator.draw(image, condition)
        torch.testing.assert_close(out.motion, warp(image, out.flow) + drawn.colour)
        assert 0 < drawn.colour.abs().max() <= 1
        assert 0 < out.flow.abs().max() <= generator.size / 8
        for parameter in generator.heads.parameters():
            torch.nn.init.zeros_(parameter)
        torch.testing.assert_close(generator(image, condition).motion, image)

    @pytest.mark.parametrize("blend", [True, False])
    def test_a_free_motion_image_owes_nothing_to_the_input(self, blend):
        """The paper's: the same colours, whatever is behind them."""
        generator = small(motion="image", blend=blend)
        image, condition = inputs(generator)
        drawn = generator.draw(image, condition)
        out = generator(image, condition)
        assert drawn.flow is out.flow is None
        assert (drawn.mask is None) is not blend
        torch.testing.assert_close(out.motion, drawn.colour)
        assert 0 <= out.motion.min() < out.motion.max() <= 1
        if not blend:
            torch.testing.assert_close(out.image, out.motion)

    def test_a_change_moves_nothing(self):
        generator = small(motion="change")
        image, condition = inputs(generator)
        drawn, out = generator.draw(image, condition), generator(image, condition)
        assert not drawn.flow.any()
        torch.testing.assert_close(out.motion, image + drawn.colour)

    def test_another_motion_is_refused(self):
        with pytest.raises((ValueError, TypeCheckError), match="motion"):
            small(motion="sideways")

    def test_training_starts_with_nothing_moved_and_learns_to_move(self):
        generator = small().train()
        out = generator(*inputs(generator))
        assert not out.flow.any()
        out.motion.square().sum().backward()
        assert generator.heads[0].weight.grad[16:].any()


class TestFrames:
    def test_do_not_mix(self):
        generator = small()
        image, condition = inputs(generator, count=5)
        order = torch.tensor([3, 0, 4, 1, 2])
        shuffled = Condition(
            condition.audio[order],
            tuple(
                k._replace(weight=k.weight[order], bias=k.bias[order]) for k in condition.kernels
            ),
        )
        torch.testing.assert_close(
            generator(image[order], shuffled).image, generator(image, condition).image[order]
        )

    def test_one_by_one(self):
        generator = small()
        image = torch.rand(3, 3, 32, 32)
        mel = torch.randn(1, 3, 80, 16)
        together = generator(image, generator.condition(mel).fold()).image
        for i in range(3):
            condition = generator.condition(mel[:, i : i + 1]).fold()
            alone = generator(image[i : i + 1], condition).image
            torch.testing.assert_close(alone, together[i : i + 1])

    @pytest.mark.parametrize("fusion", [DynamicKernel, NoFusion])
    def test_sound_moves_the_picture_only_where_it_should(self, fusion):
        generator = small(fusion)
        image = torch.rand(1, 3, 32, 32)
        one, other = (
            generator(image, generator.condition(torch.randn(1, 1, 80, 16)).fold()).image
            for _ in range(2)
        )
        assert torch.equal(one, other) == (fusion is NoFusion)

    def test_translation_equivariant(self):
        # Away from the borders, a face moved by whole strides gives the same face moved: it is not
        # the place in the picture that decides. One dynamic 1x1 layer keeps the reach short.
        generator = small(functools.partial(DynamicKernel, layers=1))
        condition = generator.condition(torch.randn(1, 1, 80, 16)).fold()
        image = torch.rand(1, 3, 128, 128)
        moved = image.roll((2 * generator.stride, -generator.stride), (-2, -1))
        out = generator(image, condition).image.roll(
            (2 * generator.stride, -generator.stride), (-2, -1)
        )
        middle = (..., slice(56, 88), slice(48, 80))
        torch.testing.assert_close(generator(moved, condition).image[middle], out[middle])


class TestPrecision:
    def test_autocast_keeps_the_images_dtype(self):
        generator = small()
        image, condition = inputs(generator)
        with torch.autocast("cpu", torch.bfloat16):
            out = generator(image, condition)
        assert out.image.dtype == torch.float32
        torch.testing.assert_close(out.image, generator(image, condition).image, rtol=0, atol=0.05)

    def test_pure_bfloat16(self):
        generator = small().bfloat16()
        image = torch.rand(2, 3, 32, 32, dtype=torch.bfloat16)
        mel = torch.randn(1, 2, 80, 16, dtype=torch.bfloat16)
        assert generator(image, generator.condition(mel).fold()).image.dtype == torch.bfloat16

    def test_gradients_reach_every_parameter(self):
        generator = small().train()
        image, condition = inputs(generator)
        out = generator(image, condition).image
        (out * torch.randn_like(out)).sum().backward()
        silent = [name for name, p in generator.named_parameters() if p.grad is None]
        assert silent == []

    def test_state_dict_round_trip(self):
        one, other = small(), small()
        other.load_state_dict(one.state_dict())
        image = torch.rand(1, 3, 32, 32)
        mel = torch.randn(1, 1, 80, 16)
        first, second = (g(image, g.condition(mel).fold()).image for g in (one, other))
        assert torch.equal(first, second)


class TestGivenLips:
    """What a strategy is to know of the frames comes from their landmarks."""

    @pytest.fixture
    def method(self):
        return small(functools.partial(GivenLips, inner=DynamicKernel))

    def kernels(self, method, points):
        seen = Seen(torch.zeros(len(points), 32, 32, 3, dtype=torch.uint8), points)
        condition, _ = method.prepare(torch.zeros(1, len(points), 80, 16), seen)
        return condition.kernels[0].weight

    def test_other_lips_make_other_kernels(self, method):
        assert method.landmarks
        shut = torch.tensor(mean_shape()[None, :, :2]).float() * 10 + 16
        opened = shut.clone()
        opened[:, 65:68, 1] += 2
        here, there = (self.kernels(method, points) for points in (shut, opened))
        assert (here - there).abs().max() > 1e-4

    def test_a_frame_without_a_face_spoils_no_other(self, method):
        points = torch.tensor(mean_shape()[None, :, :2]).float() * 10 + 16
        alone = self.kernels(method, points)
        beside = self.kernels(method, torch.cat([points, torch.full_like(points, torch.nan)]))
        assert beside.isfinite().all()
        torch.testing.assert_close(beside[:1], alone)
