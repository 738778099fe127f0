"""Every loss against what it is on paper."""

import pytest
import torch

from avfuse.training import losses


def mouth_at(x, y, width, count=2):
    """Landmarks whose mouth is a line of a known width around a place; the rest is at 0."""
    points = torch.zeros(count, 68, 2)
    points[:, 48:, 0] = x
    points[:, 48:, 1] = y
    points[:, 48, 0], points[:, 54, 0] = x - width / 2, x + width / 2
    return points


def test_reconstruction_is_the_weighted_mean_error():
    target = torch.rand(2, 3, 4, 4) / 2
    weight = torch.ones(2, 1, 4, 4)
    assert losses.reconstruction(target + 0.25, target, weight) == pytest.approx(0.25)
    weight[:, :, :2] = 3  # half of the pixels count three times
    assert losses.reconstruction(target + 0.25, target, weight) == pytest.approx(0.5)
    assert losses.reconstruction(target, target, weight) == 0


def test_adversarial_losses_are_least_squares():
    real, fake = torch.full((2, 1, 3, 3), 0.8), torch.full((2, 1, 3, 3), 0.4)
    assert losses.adversarial_generator(fake) == pytest.approx(0.36)
    assert losses.adversarial_discriminator(real, fake) == pytest.approx((0.04 + 0.16) / 2)


def test_each_side_wants_what_the_other_does_not():
    good, bad = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert losses.adversarial_generator(good) == 0 < losses.adversarial_generator(bad)
    assert losses.adversarial_discriminator(good, bad) == 0
    assert losses.adversarial_discriminator(bad, good) == 1


def test_mask_is_free_where_it_is_allowed():
    mask, allowed = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    mask[..., :2], allowed[..., :2] = 1, 1
    assert losses.mask_size(mask, allowed) == 0
    assert losses.mask_size(mask, 1 - allowed) == pytest.approx(0.5)


def test_smoothness_is_the_total_variation():
    assert losses.mask_smoothness(torch.full((1, 1, 5, 5), 0.7)) == 0
    ramp = torch.arange(5.0).expand(1, 1, 5, 5) / 10
    assert losses.mask_smoothness(ramp) == pytest.approx(0.01)
    assert losses.mask_smoothness(ramp.mT) == pytest.approx(0.01)


def test_edges_forgive_a_constant_and_not_a_blur():
    target = (torch.arange(8) % 2).float().expand(1, 3, 8, 8)
    assert losses.edges((target + 0.3), target) == pytest.approx(0, abs=1e-6)
    assert losses.edges(torch.full_like(target, 0.5), target) == pytest.approx(1)


def test_texture_forgives_edges_out_of_place_and_not_missing_ones():
    image = torch.rand(2, 3, 48, 48)
    moved = image.roll(2, -1)
    blurred = torch.nn.functional.avg_pool2d(image, 3, 1, 1)
    assert losses.texture(image, image) == 0
    assert losses.texture(moved, image) < 0.1 * losses.texture(blurred, image)
    assert losses.edges(moved, image) > losses.edges(blurred, image)  # which says the opposite


def test_texture_is_the_difference_of_gradients():
    ramps = [(slope * torch.arange(32.0)).expand(1, 3, 32, 32) for slope in (0.02, 0.05)]
    torch.testing.assert_close(losses.texture(*ramps), torch.tensor(0.03), rtol=0.01, atol=0)


def test_mouth_map_is_one_in_the_middle_and_fades():
    near = losses.mouth_map(mouth_at(40, 50, 20), 96, 80)
    assert near.shape == (2, 1, 96, 80)
    assert near[0, 0, 50, 40] == pytest.approx(1)
    assert near[0, 0, 50, 40 + 11] == pytest.approx(0.6065, abs=1e-3)  # one sigma: 0.55 widths
    assert near[0, 0, 50 + 9, 40] == pytest.approx(0.6065, abs=1e-3)  # one sigma: 0.45 widths
    assert near[0, 0, 5, 5] < 1e-4


@pytest.mark.parametrize("size", [32, 64])
def test_mouth_patch_is_the_square_around_the_mouth(size):
    columns = torch.arange(80.0).expand(96, 80)
    rows = torch.arange(96.0).unsqueeze(1).expand(96, 80)
    image = torch.stack([columns, rows, columns]).expand(2, 3, 96, 80)
    patch = losses.mouth_patch(image, mouth_at(40, 50, 20), size)
    assert patch.shape == (2, 3, size, size)
    side = 1.7 * 20
    want = 40 - side / 2 + (torch.arange(size) + 0.5) * side / size
    torch.testing.assert_close(patch[0, 0, 3], want)
    torch.testing.assert_close(patch[0, 1, :, 3], want + 10)


def test_mouth_patch_repeats_the_edge_beyond_the_picture():
    patch = losses.mouth_patch(torch.ones(1, 3, 32, 32), mouth_at(1, 31, 20, 1), 16)
    torch.testing.assert_close(patch, torch.ones_like(patch))


def test_gradients_reach_the_picture():
    image = torch.rand(2, 3, 32, 32, requires_grad=True)
    patch = losses.mouth_patch(image, mouth_at(16, 16, 10), 16)
    losses.edges(patch, torch.rand_like(patch)).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_displacement_is_zero_for_the_flow_that_brings_the_landmarks_home():
    source = mouth_at(20.0, 30.0, 10.0)
    source[:, :17] = torch.tensor([20.0, 40.0])
    target = source + torch.tensor([3.0, -2.0])
    flow = torch.tensor([-3.0, 2.0]).view(1, 2, 1, 1).expand(2, 2, 48, 64)
    assert losses.displacement(flow, source, target) == pytest.approx(0, abs=1e-5)
    # Left where they are, points are 3 pixels off across and 2 down.
    assert losses.displacement(0 * flow, source, target) == pytest.approx(2.5)


def test_displacement_is_read_where_the_target_is():
    source, target = mouth_at(10.0, 12.0, 0.0), mouth_at(40.0, 12.0, 0.0)
    source[:, :17], target[:, :17] = source[:, 48:49], target[:, 48:49]
    flow = torch.zeros(2, 2, 24, 64)
    flow[:, 0, 8:17, 36:45] = -30.0
    assert losses.displacement(flow, source, target) == pytest.approx(0, abs=1e-4)


def test_flow_smoothness_is_the_squared_slope():
    ramp = torch.arange(8.0).expand(1, 2, 6, 8)
    assert losses.flow_smoothness(3 * ramp) == pytest.approx(9)
    assert losses.flow_smoothness(torch.ones(1, 2, 6, 8)) == 0


def test_opening_map_fills_what_is_between_the_lips():
    landmarks = mouth_at(32.0, 24.0, 20.0)
    upper, lower = [61, 62, 63], [65, 66, 67]
    landmarks[:, 60, 0], landmarks[:, 64, 0] = 24.0, 40.0
    landmarks[1, upper, 1], landmarks[1, lower, 1] = 18.0, 30.0
    closed, opened = losses.opening_map(landmarks, 48, 64)[:, 0]
    assert opened[24, 32] == closed[24, 32] == 1
    assert opened[18, 32] == pytest.approx(0.37, abs=0.01)  # 1/e on the lip
    assert closed[18, 32] < 1e-6
    assert opened.sum() > 5 * closed.sum()


def test_total_variation_counts_edges():
    image = torch.zeros(1, 3, 4, 4)
    image[..., 2:] = 1  # one edge across in each row, none down
    torch.testing.assert_close(losses.total_variation(image), torch.tensor(1 / 3))


class TestGradientPenalty:
    def test_of_a_linear_critic_is_known(self):
        """Its slope is its weight everywhere."""
        weight = torch.randn(3, 4, 4)
        real, fake = torch.rand(2, 5, 3, 4, 4)
        found = losses.gradient_penalty(lambda x: (x * weight).sum((1, 2, 3))[:, None], real, fake)
        torch.testing.assert_close(found, (weight.norm() - 1) ** 2)

    def test_teaches_the_critic(self):
        critic = torch.nn.Conv2d(3, 1, 3)
        losses.gradient_penalty(critic, *torch.rand(2, 2, 3, 8, 8)).backward()
        assert critic.weight.grad.abs().sum() > 0
