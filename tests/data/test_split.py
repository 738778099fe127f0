"""Who is trained on and who is held back."""

import pytest
import torch

from avfuse import InputError
from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.preprocess import SourceClip
from avfuse.data.split import every_nth, split, split_clips, tails


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


def doubted(clip, doubt):
    """The same clip's file, but that something is wrong with it."""
    kept = ClipFile(clip.path)
    frames = torch.stack([torch.from_numpy(kept.frame(i)) for i in range(len(kept.times))])
    landmarks = torch.from_numpy(kept.landmarks)
    save_clip(Clip(frames, landmarks, kept.times, kept.mel, doubt=doubt), clip.path)


def test_doubtful_clips_are_named_and_left_out_wherever_they_are(clips, caplog):
    whole = split_clips(clips, {"ben"}, held_back=3)
    doubted(clips[0], "is silent")
    doubted(clips[11], "has lips that do not move")
    parts = split_clips(clips, {"ben"}, held_back=3)
    (said,) = caplog.messages
    assert "2 of 13 clips are left out (data.doubtful keeps them): anna/0 is silent; ben/1" in said
    assert names(parts["train"]) == names(whole["train"])[1:]
    assert names(parts["seen"]) == names(whole["seen"])  # who else is held back stays the same
    assert names(parts["unseen"]) == ["ben/0", "ben/2"]


def test_doubtful_clips_may_be_kept(clips, caplog):
    doubted(clips[0], "is silent")
    assert len(split_clips(clips, set(), 0, doubtful=True)["train"]) == 13
    assert not caplog.messages


def test_the_end_of_each_clip_is_held_back(clips):
    parts = tails(split_clips(clips[:2], set(), 0), 0.4)
    for begun, ended in zip(parts["train"], parts["seen"], strict=True):
        assert begun.path == ended.path
        assert begun.valid.tolist() == [0, 1, 2]
        assert ended.valid.tolist() == [3, 4]
        assert ended.frame(4).shape == begun.frame(4).shape


@pytest.mark.parametrize(("count", "n", "held"), [(25, 10, [0, 10, 20]), (9, 10, []), (5, 0, [])])
def test_every_nth_the_first_among_them(count, n, held):
    train, aside = every_nth(range(count), n)
    assert aside == held
    assert sorted([*train, *aside]) == list(range(count))
