import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.atvgnet import ATVGnet

SIZE = 32


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shapes():
    """Landmarks of a few procedural faces in pixels of a crop of 32, (N, 68, 2)."""
    clips = (synthetic_clip(s, seconds=0.24, size=64).landmarks for s in range(4))
    return torch.cat([torch.from_numpy(c) for c in clips]) / 2


@pytest.fixture
def tiny(shapes):
    """Makes an ATVGnet with random weights in evaluation mode, its components fitted."""

    def make(**options):
        plan = {"channels": (4, 4, 6, 6, 8), "blocks": 1, "audio_width": 2, "size": SIZE}
        model = ATVGnet(**{**plan, "mel_steps": 8, **options})
        model.shape.fit(shapes)
        return model.eval()

    return make
