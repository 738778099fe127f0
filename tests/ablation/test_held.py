"""Which held-back clips are looked at closely."""

import shutil

import pytest

from avfuse.ablation.held import HeldClip, across_speakers
from avfuse.data.clip import ClipFile
from avfuse.evaluation.dubbing import DUBBING
from avfuse.evaluation.judged import Judged


@pytest.fixture
def held(tmp_path, twins, generator):
    """Held-back clips of speakers, so many of each, in the order of their names."""

    def make(**counts):
        clips = []
        for speaker, count in counts.items():
            (tmp_path / speaker).mkdir()
            for number in range(count):
                path = tmp_path / speaker / f"{number}.safetensors"
                shutil.copy(twins[0].path, path)
                clips.append(HeldClip("seen", ClipFile(path), Judged(generator), DUBBING))
        return clips

    return make


@pytest.mark.parametrize(
    ("counts", "chosen"),
    [
        ({"anna": 4, "ben": 2}, ["anna/0", "ben/0", "anna/1"]),
        ({"anna": 4, "ben": 1, "cleo": 2}, ["anna/0", "ben/0", "cleo/0"]),
        ({f"s{i}": 2 for i in range(9)}, ["s0/0", "s3/0", "s6/0"]),
        ({"anna": 4}, ["anna/0", "anna/1", "anna/2"]),
        ({"anna": 1, "ben": 1}, ["anna/0", "ben/0"]),
        ({}, []),
    ],
)
def test_of_as_many_speakers_as_can_be(held, counts, chosen):
    assert [clip.clip for clip in across_speakers(held(**counts), 3)] == chosen
