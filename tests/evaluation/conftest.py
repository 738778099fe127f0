"""Clips and judges that the tests of this room share."""

import copy

import numpy as np
import pytest
import torch

from avfuse.data.preprocess import source_clips
from avfuse.data.synthetic import synthetic_clip
from avfuse.evaluation.first_frame import first_frame
from avfuse.evaluation.score import Judge
from avfuse.evaluation.task import SIZE


@pytest.fixture(scope="session")
def judge():
    return Judge()


@pytest.fixture(scope="session")
def target(twins):
    """The first-frame protocol's, of a procedural clip."""
    return first_frame(twins[0], SIZE).target


@pytest.fixture(scope="session")
def speakers():
    """Two procedural faces that are large enough to be found: 1.2 s in 12 frames."""
    people = {"anna": 11, "ben": 3}
    return {
        name: synthetic_clip(seed, seconds=1.2, fps=10.0, size=160) for name, seed in people.items()
    }


@pytest.fixture(scope="session")
def folder(tmp_path_factory, made, speakers):
    """Their videos, with labels beside them, and the cache of the cropped ones."""
    videos = tmp_path_factory.mktemp("videos")
    for name, clip in speakers.items():
        (videos / name).mkdir()
        made.video(videos / name / "one.mp4", clip)
        np.savez_compressed(videos / name / "one.npz", landmarks=clip.landmarks)
    return videos


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sources(folder, cache):
    return source_clips(folder, None, cache)


@pytest.fixture(scope="session")
def listening(generator):
    """Random weights, large enough for sound to be seen."""
    network = copy.deepcopy(generator)
    for weights in network.fusion.parameters():
        weights.mul_(5)
    torch.nn.init.zeros_(network.heads[0].bias)
    return network
