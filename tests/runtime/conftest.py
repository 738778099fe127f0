"""A chunk of frames, a small network that moves and changes them, and a device that pretends."""

import copy

import pytest
import torch

from avfuse.runtime.parity import Trial
from avfuse.types import Seen


def _lively(generator):
    """A copy with norms, flow and colours that are not at rest."""
    torch.manual_seed(1)
    copied = copy.deepcopy(generator).eval().requires_grad_(False)
    if hasattr(copied, "heads"):
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
    """Makes frames and their sound."""

    def make(count, size=64, seed=0, steps=16):
        random = torch.Generator().manual_seed(seed)
        crops = torch.randint(256, (count, size, size, 3), dtype=torch.uint8, generator=random)
        mel = torch.empty(count, 80, steps).uniform_(-4, 4, generator=random)
        return Trial(mel, Seen(crops), None)

    return make


@pytest.fixture(scope="session")
def prepared():
    """What a runner's method makes of a chunk's sound."""

    @torch.inference_mode()
    def prepare(runner, given):
        heard = given.heard.to(runner.method.device).unsqueeze(0)
        return runner.method.prepare(heard, given.seen, (), None)[0]

    return prepare


@pytest.fixture(scope="session")
def run(prepared):
    """A chunk's planes."""
    return lambda runner, given: runner.draw(given.seen.images, prepared(runner, given))


class Pretended:
    """Replays write where the capture wrote; what is downloaded arrives when it is waited for."""

    def __init__(self):
        self.device = torch.device("cpu")
        self.captures = self.replays = 0

    def record(self, work):
        self.captures += 1
        result = work()

        def replay():
            self.replays += 1
            for target, source in zip(result, work(), strict=True):
                target.copy_(source)

        for value in result:
            value.zero_()  # a capture computes nothing
        return result, replay

    def pinned(self, like):
        return torch.zeros(like.shape, dtype=like.dtype)

    staging = pinned

    def upload(self, host, device):
        device.copy_(host)

    def download(self, device, host):
        under_way = [source.clone() for source in device]

        @torch.inference_mode()
        def wait():
            for target, source in zip(host, under_way, strict=True):
                target.copy_(source)

        return wait


@pytest.fixture
def device():
    return Pretended()
