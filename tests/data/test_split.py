"""Who is trained on and who is held back."""

import pytest

from avfuse import InputError
from avfuse.data.preprocess import SourceClip
from avfuse.data.split import split, split_clips


def names(files):
    return [f"{f.path.parent.name}/{f.path.stem}" for f in files]


def test_by_speaker_and_by_clip(clips):
    parts = split_clips(clips, {"ben", "anna/3"}, held_back=4)
    assert names(parts["unseen"]) == ["anna/3", "ben/0", "ben/1", "ben/2"]
    assert names(parts["seen"]) == ["anna/4", "anna/8"]  # every fourth of the others
    assert len(parts["train"]) == 7


def test_parts_share_nothing_and_lose_nothing(clips):
    parts = split_clips(clips, {"ben"}, held_back=3)
    every = [name for part in parts.values() for name in names(part)]
    assert sorted(every) == sorted(f"{c.speaker}/{c.name}" for c in clips)


def test_none_held_back(clips):
    assert split_clips(clips, set(), 0)["seen"] == []


def test_an_unknown_speaker(clips):
    with pytest.raises(InputError, match=r"unseen=\['carl'\]: no such .*\['anna', 'ben'\]"):
        split_clips(clips, {"ben", "carl"}, 0)


def test_clips_that_are_not_there_yet_can_be_split(tmp_path):
    clips = [SourceClip("anna", str(i), tmp_path / f"{i}.safetensors") for i in range(4)]
    parts = split(clips, {"anna/0"}, held_back=3)
    assert {name: [c.name for c in part] for name, part in parts.items()} == {
        "train": ["1", "2"],
        "seen": ["3"],
        "unseen": ["0"],
    }
