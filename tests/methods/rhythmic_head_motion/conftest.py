import numpy as np
import pytest
import torch

from avfuse.data.synthetic import synthetic_clip
from avfuse.methods.rhythmic_head_motion import RhythmicHeadMotion
from avfuse.methods.rhythmic_head_motion.heads import Head

SIZE = 64


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def plan():
    """Options of a small one."""
    return dict(RhythmicHeadMotion.tiny)


@pytest.fixture
def tiny(plan):
    """Makes one with random weights in evaluation mode."""

    def make(**options):
        return RhythmicHeadMotion(**{**plan, **options}).eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def filmed():
    """A procedural head that moves, larger than the canvas."""
    return synthetic_clip(5, seconds=0.8, size=96)


@pytest.fixture(scope="session")
def points(filmed):
    """Its landmarks in a picture of `SIZE`, (20, 68, 2)."""
    return torch.from_numpy((filmed.landmarks + 0.5) * SIZE / 96 - 0.5).float()


@pytest.fixture(scope="session")
def head(tmp_path_factory, made, filmed):
    path = tmp_path_factory.mktemp("head") / "a.safetensors"
    return Head(made.clip_file(path, filmed))


@pytest.fixture
def rng():
    return np.random.default_rng(0)
