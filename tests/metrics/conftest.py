"""Faces that the metrics are tried on: drawn ones, the same every time."""

import cv2
import numpy as np
import pytest
import torch

from avfuse.data.synthetic import SyntheticClip, synthetic_clip


@pytest.fixture(scope="session")
def speaking() -> SyntheticClip:
    """Ten frames of 192 x 192."""
    return synthetic_clip(5, seconds=0.4, size=192)


@pytest.fixture(scope="session")
def pictures(speaking) -> torch.Tensor:
    """Its frames as networks see them."""
    return torch.from_numpy(speaking.frames).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="session")
def landmarks(speaking) -> torch.Tensor:
    return torch.from_numpy(speaking.landmarks)


@pytest.fixture(scope="session")
def noisy(pictures) -> torch.Tensor:
    """The same with noise, a different amount in each."""
    generator = torch.Generator().manual_seed(0)
    sigma = torch.linspace(0.01, 0.2, len(pictures))[:, None, None, None]
    return (pictures + sigma * torch.randn(pictures.shape, generator=generator)).clamp(0, 1)


@pytest.fixture(scope="session")
def blurred(speaking) -> torch.Tensor:
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in speaking.frames])
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="session")
def moved(landmarks) -> torch.Tensor:
    """Landmarks that are off by a pixel or so."""
    generator = torch.Generator().manual_seed(1)
    return landmarks + torch.randn(landmarks.shape, generator=generator)
