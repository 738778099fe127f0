import pytest
import torch

from avfuse.geometry.face_model import face_model
from avfuse.methods.live_speech_portraits import LiveSpeechPortraits
from avfuse.methods.live_speech_portraits.points import DENSE
from avfuse.methods.live_speech_portraits.speech import MEL
from avfuse.methods.live_speech_portraits.take import Take, packed
from avfuse.sound.mel import mel_spectrogram


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


def invented_take(seed, seconds=2.0, fps=25.0, size=64):
    """A take of the mean face that speaks and nods, in pictures of noise."""
    rng = torch.Generator().manual_seed(seed)
    times = torch.arange(round(seconds * fps), dtype=torch.float64) / fps
    model = face_model()
    swing = torch.sin(times[:, None] * 9 + torch.arange(30) + seed).float()
    face = model.shape(torch.zeros(60), swing)[:, torch.from_numpy(DENSE)]
    swing = torch.sin(times[:, None] * 2 + torch.arange(6) + seed).float()
    poses = 0.1 * swing + torch.tensor([0.0, 0, 0, 0, 0, 6])
    pictures = torch.randint(0, 255, (len(times), size, size, 3), generator=rng).byte().numpy()
    sound = torch.randn(round(seconds * 16_000), generator=rng) * 0.05
    sound *= torch.linspace(0, 12 * seconds, len(sound)).sin().abs()  # syllables
    code, ends = packed([*pictures])
    return Take(
        code,
        ends,
        times,
        face,
        poses,
        torch.rand(len(times), 18, 2, generator=rng) + torch.linspace(5, 60, 18)[:, None],
        mel_spectrogram(sound, MEL),
        torch.tensor(1.8 * size),
        torch.full((2,), (size - 1) / 2),
    )


@pytest.fixture(scope="session")
def takes():
    return [invented_take(seed) for seed in range(5)]
