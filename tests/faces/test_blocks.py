"""What the small networks are made of computes the same, folded or not."""

import pytest
import torch

from avfuse.faces.blocks import folded, one_thread
from avfuse.faces.dense import load_dense_net
from avfuse.faces.landmarks import load_net


@pytest.mark.parametrize("load", [load_net, load_dense_net])
def test_folding_changes_nothing(load):
    net = load()
    image = torch.rand(2, 3, 112, 112)
    torch.testing.assert_close(folded(net)(image), net(image), atol=1e-2, rtol=1e-3)


def test_the_number_of_threads_comes_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
