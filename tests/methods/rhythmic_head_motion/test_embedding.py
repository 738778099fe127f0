"""The hybrid embedding module: eq. 3 to 7."""

import pytest
import torch

from avfuse.methods.rhythmic_head_motion.embedding import Average, Fusion, Hybrid

CHANNELS, WIDTH, LAYERS, SIZE = (4, 4, 8, 8), 8, 2, 32


def pictures(references, frames=3):
    return (
        torch.rand(1, references, 3, SIZE, SIZE),
        torch.rand(1, references, 1, SIZE, SIZE),
        torch.rand(1, frames, 1, SIZE, SIZE),
    )


@pytest.fixture
def hybrid():
    return Hybrid(CHANNELS, WIDTH, LAYERS).eval().requires_grad_(False)


@pytest.mark.parametrize("kind", [Hybrid, Average])
@pytest.mark.parametrize("references", [1, 8])
def test_any_number_of_references_make_as_much(kind, references):
    net = kind(CHANNELS, WIDTH, LAYERS)
    images, marks, wanted = pictures(references)
    made = net(net.meet(images, marks), wanted)
    assert made.appearance.shape == (3, 8, SIZE // 8, SIZE // 8)
    assert made.codes.shape == (3, LAYERS, WIDTH)


def test_equations_3_and_6_in_a_loop(hybrid):
    images, marks, wanted = pictures(3, 2)
    kept = hybrid.meet(images, marks)
    found, _ = hybrid.gathered(kept, wanted)
    for frame in range(2):
        query = hybrid.activate(wanted[0, frame : frame + 1])[0]
        keys = [hybrid.activate(marks[0, k : k + 1])[0] for k in range(3)]
        energies = torch.stack([(key * query).exp() for key in keys])
        alpha = energies / energies.sum(0)
        refined = sum(alpha[k] * kept.image[0, k] for k in range(3))
        torch.testing.assert_close(found[frame], refined + kept.image_gate[0])


def test_the_order_of_references_plays_no_part(hybrid):
    images, marks, wanted = pictures(4)
    order = torch.tensor([2, 0, 3, 1])
    one = hybrid(hybrid.meet(images, marks), wanted)
    other = hybrid(hybrid.meet(images[:, order], marks[:, order]), wanted)
    torch.testing.assert_close(other.appearance, one.appearance, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other.codes, one.codes, rtol=1e-4, atol=1e-6)


def test_the_reference_whose_landmarks_are_wanted_counts_most(hybrid):
    """With keys that are as they are drawn: the softmax is over references, place by place."""
    images, marks, _ = pictures(3)
    kept = hybrid.meet(images, marks)
    kept = kept._replace(keys=torch.stack([torch.full((8, 8, 8), v) for v in (-9.0, 0, 9)])[None])
    hybrid.activate = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Conv2d(1, 8, 1))
    torch.nn.init.zeros_(hybrid.activate[1].weight)
    torch.nn.init.ones_(hybrid.activate[1].bias)
    found, _ = hybrid.gathered(kept, marks[:, :1])
    torch.testing.assert_close(found[0], kept.image[0, 2] + kept.image_gate[0], rtol=0, atol=1e-3)


def test_each_modality_hears_of_the_other(hybrid):
    images, marks, _ = pictures(2)
    kept, other = hybrid.meet(images, marks), hybrid.meet(images, 1 - marks)
    assert not torch.equal(kept.image, other.image)
    assert torch.equal(kept.image_gate, other.image_gate)  # which gathers its own alone
    assert not torch.equal(hybrid.meet(1 - images, marks).marks, kept.marks)


def test_the_average_asks_not_what_is_wanted():
    net = Average(CHANNELS, WIDTH, LAYERS)
    images, marks, wanted = pictures(3)
    made = net(net.meet(images, marks), wanted)
    torch.testing.assert_close(made.appearance[0], made.appearance[2])
    mean = torch.stack([net.see(images[0, k : k + 1] * 2 - 1) for k in range(3)]).mean(0)
    torch.testing.assert_close(net.meet(images, marks).image_gate, mean)


def test_equation_7_sums_what_landmarks_choose():
    fusion = Fusion(4, 6, 1).requires_grad_(False)
    image, marks = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    weights = fusion.marks[0](marks).flatten(2).softmax(2)
    wanted = (weights * fusion.image[0](image).flatten(2)).sum(2)
    torch.testing.assert_close(fusion(image, marks)[:, 0], wanted)
