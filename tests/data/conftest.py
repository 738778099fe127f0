import pytest

from avfuse.data.preprocess import SourceClip
from avfuse.data.synthetic import synthetic_clip


@pytest.fixture
def clips(tmp_path, made):
    """Ten clips of anna, three of ben, as cached files."""
    short = synthetic_clip(1, seconds=0.2, size=48)
    found = []
    for speaker, count in (("anna", 10), ("ben", 3)):
        (tmp_path / speaker).mkdir()
        for number in range(count):
            path = tmp_path / speaker / f"{number}.safetensors"
            made.clip_file(path, short)
            found.append(SourceClip(speaker, str(number), path))
    return found
