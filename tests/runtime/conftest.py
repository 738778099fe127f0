"""A chunk of frames, and a small network that moves and changes them."""

import copy

import pytest
import torch


def _lively(generator):
    """A copy with norms, flow and colours that are not at rest."""
    torch.manual_seed(1)
    copied = copy.deepcopy(generator).eval().requires_grad_(False)
    torch.nn.init.normal_(copied.heads[0].weight, std=0.1)
    for part in copied.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.5, 2)
            part.weight.uniform_(0.5, 1.5)
            part.bias.uniform_(-0.2, 0.2)
    return copied


@pytest.fixture(scope="session")
def lively():
    return _lively


@pytest.fixture(scope="session")
def network(generator):
    return _lively(generator)


@pytest.fixture
def chunk():
    """Makes crops and mel windows."""

    def make(count, size=64, seed=0, steps=16):
        random = torch.Generator().manual_seed(seed)
        crops = torch.randint(256, (count, size, size, 3), dtype=torch.uint8, generator=random)
        return crops, torch.empty(count, 80, steps).uniform_(-4, 4, generator=random)

    return make
