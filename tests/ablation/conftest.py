"""A plan that trains in seconds."""

import pytest
import yaml

from avfuse.ablation.plan import layered
from avfuse.data.preprocess import cached_twins
from avfuse.data.synthetic import synthetic_clip

TINY = {
    "title": "Tiny",
    "seeds": [0, 1],
    "clips": 1,
    "translation": [0.0, 0.2],
    "recipe": {
        "trainer": {"max_epochs": 2, "accelerator": "cpu", "precision": "32-true"},
        "model": {
            "channels": [4, 4, 8],
            "audio_width": 2,
            "size": 32,
            "adversarial": 0.0,
        },
        "data": {"held_back": 2, "batch": 2, "epoch": 4, "validation": 2, "workers": 0},
    },
    "variants": {
        "hears": {"model": {"fusion": {"class_path": "DynamicKernel", "init_args": {"rank": 2}}}},
        "deaf": {"model": {"fusion": "NoFusion"}},
    },
}


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where two procedural faces are rendered already, just long enough for dubbing."""

    def short(seed, **options):
        return synthetic_clip(seed, seconds=1.04, size=160, **options)

    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avfuse.data.preprocess.synthetic_clip", short)
        cached_twins(2, 0, folder)
    return folder


@pytest.fixture
def write_plan(tmp_path, cache):
    """Writes the tiny plan, changed, and says where."""

    def write(**changes):
        data = {"recipe": {"data": {"synthetic": 2, "cache": str(cache)}}}
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(layered(TINY, data, changes), sort_keys=False))
        return path

    return write
