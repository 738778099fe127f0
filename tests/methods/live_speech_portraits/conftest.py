import pytest
import torch

from avfuse.methods.live_speech_portraits import LiveSpeechPortraits


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def plan():
    """Options of a small one."""
    return dict(LiveSpeechPortraits.tiny)


@pytest.fixture
def tiny(plan):
    """Makes one with random weights, in evaluation mode."""

    def make(**options):
        return LiveSpeechPortraits(**{**plan, **options}).eval().requires_grad_(False)

    return make
