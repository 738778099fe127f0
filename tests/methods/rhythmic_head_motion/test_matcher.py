"""Eq. 2: the reference whose head lies most like it."""

import torch

from avfuse.methods.rhythmic_head_motion.matcher import matched


def test_equation_2_by_trying_all():
    poses, references = torch.randn(5, 6), torch.randn(4, 6)
    costs = [[float((h - k).square().sum()) for k in references] for h in poses]
    assert matched(poses, references).tolist() == [row.index(min(row)) for row in costs]


def test_a_reference_is_its_own():
    references = torch.randn(4, 6)
    assert matched(references, references).tolist() == [0, 1, 2, 3]


def test_costlier_choices_are_the_next_nearest_and_end_with_the_farthest():
    poses, references = torch.randn(3, 6), torch.randn(4, 6)
    costs = (poses[:, None] - references).square().sum(2)
    for passed in range(4):
        found = matched(poses, references, passed)
        assert torch.equal(found, costs.sort(1).indices[:, passed])
    assert torch.equal(matched(poses, references, 9), costs.argmax(1))
