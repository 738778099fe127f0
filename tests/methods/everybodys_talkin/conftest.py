import pytest
import torch

from avfuse import Batch
from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.everybodys_talkin import EverybodysTalkin

SIZE, TIME = 32, 3


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shapes():
    """Landmarks of a few procedural faces in pixels of a crop of 32, (N, 68, 2)."""
    clips = (synthetic_clip(s, seconds=0.24, size=64).landmarks for s in range(4))
    return torch.cat([torch.from_numpy(c) for c in clips]) / 2


@pytest.fixture(scope="session")
def plan():
    """Options of a small one."""
    options = {"channels": (4, 4, 8), "audio_width": 4, "components": 2, "identities": 4}
    return {**options, "expressions": 4, "size": SIZE}


@pytest.fixture
def tiny(plan, shapes):
    """Makes one with random weights in evaluation mode, its mean and spread found."""

    def make(**options):
        method = EverybodysTalkin(**{**plan, **options})
        method.regressed.fit(method.regressed.truth(shapes, method.face.fit(shapes)))
        return method.eval()

    return make


@pytest.fixture
def batch(shapes):
    points = shapes[: 4 * TIME].unflatten(0, (2, 2, TIME))
    video, mel = torch.rand(2, 2, TIME, 3, SIZE, SIZE), torch.randn(2, 2, TIME, 80, 80)
    return Batch(*video, *mel, *points, *torch.zeros(2, 2, TIME, 20, 2))
