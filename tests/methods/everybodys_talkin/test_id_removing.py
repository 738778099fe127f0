"""The ID-removing network: eq. 1 by hand, and a window's own weights."""

import pytest
import torch

from avfuse.methods.everybodys_talkin.id_removing import IDRemoving


@pytest.fixture
def net():
    return IDRemoving(5, 3, 8).eval()


def test_is_equation_1(net):
    x = torch.randn(2, 7, 5)
    weights = net.weigh(net.lstm(x)[0][:, -1])
    for window in range(2):
        matrix = torch.eye(5) + sum(weights[window, j] * net.basis[j] for j in range(3))
        by_hand = torch.stack([matrix @ step for step in x[window]])
        torch.testing.assert_close(net(x)[window], by_hand)


def test_is_the_same_matrix_for_all_steps_of_a_window(net):
    """Linear in a step, given the weights: doubling what comes out doubles nothing else."""
    x = torch.randn(1, 7, 5)
    x[0, 3] = x[0, 2]
    torch.testing.assert_close(net(x)[0, 3], net(x)[0, 2])


def test_windows_do_not_know_of_each_other(net):
    x = torch.randn(3, 7, 5)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]))
