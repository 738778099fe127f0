"""Small made-up things that tests of several rooms need."""

import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.features.mel import SAMPLE_RATE, mel_spectrogram
from avfuse.video.write import VideoWriter


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
