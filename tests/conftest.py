"""Small made-up things that tests of several rooms need."""

import functools
import os
import signal
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.fusion import DynamicKernel
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.model_file import save
from avfuse.sound.mel import SAMPLE_RATE, mel_spectrogram
from avfuse.video.write import VideoWriter

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores; what they start does too
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


class Made:
    """Makers of files, as methods, so that a fixture can hand them to tests."""

    @staticmethod
    def speech(path: Path, waveform: np.ndarray) -> Path:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes((waveform * 32767).astype("<i2").tobytes())
        return path

    @classmethod
    def video(cls, path: Path, clip: SyntheticClip, sound: bool = True, crf: int = 18) -> Path:
        """The clip as a file, with its own speech."""
        height, width = clip.frames.shape[1:3]
        fps = len(clip.times) / (len(clip.waveform) / SAMPLE_RATE)
        speech = cls.speech(path.with_suffix(".wav"), clip.waveform) if sound else None
        with VideoWriter(path, width, height, fps, speech, crf=crf) as writer:
            for image, time in zip(clip.frames, clip.times, strict=True):
                writer.write(image, float(time))
        if speech is not None:
            speech.unlink()
        return path

    @staticmethod
    def clip_file(path: Path, clip: SyntheticClip) -> ClipFile:
        mel = mel_spectrogram(torch.from_numpy(clip.waveform))
        pictures = torch.from_numpy(clip.frames), torch.from_numpy(clip.landmarks)
        save_clip(Clip(*pictures, torch.from_numpy(clip.times), mel), path)
        return ClipFile(path)


@pytest.fixture
def unpainted(monkeypatch):
    """Procedural clips are grey: for tests that look at their labels and sound alone."""

    def grey(renderer, *_):
        return np.full((renderer._size, renderer._size, 3), 128, np.uint8)

    monkeypatch.setattr("avfuse.data.synthetic.render.Renderer.frame", grey)


@pytest.fixture(scope="session")
def interruptible() -> dict[str, Callable[[], object]]:
    """Options of `subprocess.Popen` for a program that Ctrl-C ends.

    A shell lets what it starts in the background ignore it, these tests perhaps among them.
    """
    return {"preexec_fn": functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}


@pytest.fixture(scope="session")
def recipes() -> Path:
    return Path(__file__).parents[1] / "recipes"


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made


@pytest.fixture(scope="session")
def twins(tmp_path_factory) -> tuple[ClipFile, ClipFile]:
    """One procedural face saying two things."""
    folder = tmp_path_factory.mktemp("twins")
    first, second = (
        Made.clip_file(
            folder / f"{voice}.safetensors",
            synthetic_clip(3, speech_seed=voice, seconds=1.2, size=160),
        )
        for voice in (3, 4)
    )
    return first, second


@pytest.fixture(scope="session")
def generator() -> Generator:
    """Random weights that brighten the whole box: everything around them has to work."""
    torch.manual_seed(0)
    fusion = functools.partial(DynamicKernel, layers=2, rank=2)
    small = Generator(fusion, channels=(4, 4, 8, 8, 8), audio_width=2, size=64)
    torch.nn.init.constant_(small.heads[0].bias, 2.0)  # bright, and nearly opaque
    return small.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def model(tmp_path_factory, generator) -> Path:
    """The same as a model file."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save(generator, path, credit="made in a test")
    return path


@pytest.fixture(scope="session")
def person() -> SyntheticClip:
    """Large enough a face to be found."""
    return synthetic_clip(11, seconds=0.6, size=160)


@pytest.fixture(scope="session")
def face(tmp_path_factory, person) -> Path:
    return Made.video(tmp_path_factory.mktemp("face") / "face.mp4", person, crf=8)


@pytest.fixture(scope="session")
def speech(tmp_path_factory) -> Path:
    """A second of another voice."""
    folder = tmp_path_factory.mktemp("speech")
    return Made.speech(folder / "speech.wav", synthetic_clip(12, seconds=1.0, size=32).waveform)


@pytest.fixture
def wav2lip(tmp_path) -> Path:
    """A checkpoint by the names of Wav2Lip's, as narrow as tiny trainings are."""
    layers = AudioEncoder(16, 2).layers.state_dict()
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": {f"audio_encoder.{k}": v for k, v in layers.items()}}, path)
    return path


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory) -> Path:
    """Where the faces of tiny trainings lie; whoever needs them first renders them."""
    return tmp_path_factory.mktemp("tiny")


@pytest.fixture
def tiny_training(tmp_path, tiny_cache, monkeypatch) -> list[str]:
    """Words that make any recipe a training of two steps on tiny procedural faces."""

    def short(seed, **options):
        return synthetic_clip(seed, seconds=0.2, size=64, **options)

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)
    settings = {
        "model.channels": "[4, 4, 8, 8, 8]",
        "model.audio_width": 2,
        "model.size": 64,
        "model.adversarial_start": 0,
        "data.videos": "null",
        "data.labels": "null",
        "data.unseen": "[]",
        "data.synthetic": 2,
        "data.cache": tiny_cache,
        "data.frames": 2,
        "data.window": "null",
        "data.batch": 2,
        "data.epoch": 4,
        "data.validation": 2,
        "data.workers": 0,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.max_epochs": 1,
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
        "trainer.default_root_dir": tmp_path,
        "trainer.logger.init_args.save_dir": tmp_path / "run",
    }
    return [f"--{name}={value}" for name, value in settings.items()]
