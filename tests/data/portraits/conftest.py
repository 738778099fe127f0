"""Faces of the bundled model, whose points, poses and motions are known."""

from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch

from avfuse.data.clip import ClipFile
from avfuse.data.portraits.motion import LOWER, UPPER
from avfuse.data.synthetic import synthetic_clip
from avfuse.geometry.camera import WeakPerspective
from avfuse.geometry.face_model import face_model

SIZE = 200


class Seen(NamedTuple):
    """A face of the model before a camera."""

    shape: torch.Tensor
    camera: WeakPerspective

    @property
    def points(self) -> np.ndarray:
        return self.camera.placed(self.shape[None])[0].double().numpy()


@pytest.fixture(scope="session")
def seen():
    """Make faces: who, with what expression, turned how (radians)."""

    def face(who=0, expression=None, turn=(0.0, 0.0, 0.0)):
        model, generator = face_model(), torch.Generator().manual_seed(who)
        identity = 0.7 * torch.randn(len(model.identity), generator=generator)
        smile = torch.zeros(len(model.expression))
        if expression is not None:
            smile[: len(expression)] = torch.tensor(expression)
        camera = WeakPerspective.of(torch.tensor([[*turn, 99.5, 70.0, 66.0]]))
        return Seen(model.shape(identity, smile), camera)

    return face


@pytest.fixture(scope="session")
def gap():
    """How far inner lips are apart, in the picture: (9,) or (T, 9)."""

    def apart(points):
        return np.linalg.norm((points[..., LOWER, :2] - points[..., UPPER, :2]), axis=-1)

    return apart


@pytest.fixture(scope="session")
def noise():
    """A smooth grey picture in which no two places look alike."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (SIZE // 8, SIZE // 8, 3), np.uint8)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def clip(tmp_path_factory, made) -> ClipFile:
    """Somebody procedural who speaks."""
    path = tmp_path_factory.mktemp("driver") / "clip.safetensors"
    return made.clip_file(path, synthetic_clip(21, seconds=1.6, size=160))
