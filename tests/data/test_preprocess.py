"""A folder of ordinary videos becomes cached clips, once."""

import os
from pathlib import Path

import numpy as np
import pytest

from avfuse import InputError
from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import (
    cached_clips,
    cached_twins,
    folders_of,
    make_clip,
    source_clips,
)
from avfuse.data.synthetic import synthetic_clip


@pytest.fixture(scope="module")
def person():
    return synthetic_clip(5, seconds=0.6, size=128)


@pytest.fixture
def videos(tmp_path, made, person):
    """Two speakers' videos, with the labels beside them."""
    for name in ("anna/one.mp4", "anna/two.mkv", "ben/one.mov"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made.video(path, person)
        np.savez(path.with_suffix(".npz"), landmarks=person.landmarks)
    return tmp_path / "videos"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def stamps(cache):
    return {p: p.stat().st_mtime_ns for p in cache.rglob("*.safetensors")}


class TestFolder:
    def test_names_come_from_folders_and_files(self, videos, cache):
        clips = cached_clips(videos, None, cache)
        assert [c[:2] for c in clips] == [("anna", "one"), ("anna", "two"), ("ben", "one")]
        assert {c.path for c in clips} == set(stamps(cache))

    def test_a_clip_shows_the_face_and_its_labels_fit(self, videos, cache, person):
        clip = ClipFile(cached_clips(videos, None, cache)[0].path)
        assert clip.landmarks.shape == person.landmarks.shape
        np.testing.assert_allclose(clip.times, person.times, atol=1e-3)
        assert clip.mel.shape[1] == pytest.approx(0.6 * 80, abs=3)
        size = clip.frame(0).shape[0]
        assert clip.landmarks.min() > 0
        assert clip.landmarks.max() < size
        # The crop at a landmark shows what the video shows there.
        (x, y), (u, v) = person.landmarks[3, 30].astype(int), clip.landmarks[3, 30].astype(int)
        here = clip.frame(3)[v - 2 : v + 3, u - 2 : u + 3].mean((0, 1))
        np.testing.assert_allclose(
            here, person.frames[3, y - 2 : y + 3, x - 2 : x + 3].mean((0, 1)), atol=12
        )

    def test_the_folder_may_be_the_one_we_are_in(self, videos, cache, monkeypatch):
        monkeypatch.chdir(videos / "anna")
        assert [c[:2] for c in cached_clips(Path(), None, cache)] == [
            ("anna", "one"),
            ("anna", "two"),
        ]

    def test_is_cached_once(self, videos, cache):
        first = cached_clips(videos, None, cache)
        before = stamps(cache)
        assert cached_clips(videos, None, cache) == first
        assert stamps(cache) == before

    def test_a_changed_video_or_label_is_made_anew(self, videos, cache):
        first = cached_clips(videos, None, cache)
        os.utime(videos / "anna" / "one.mp4", ns=(1, 1))
        second = cached_clips(videos, None, cache)
        assert [a.path == b.path for a, b in zip(first, second, strict=True)] == [False, True, True]
        os.utime(videos / "ben" / "one.npz", ns=(1, 1))
        third = cached_clips(videos, None, cache)
        assert [a.path == b.path for a, b in zip(second, third, strict=True)] == [True, True, False]

    def test_labels_may_lie_in_a_folder_of_their_own(self, videos, cache, tmp_path):
        labels = tmp_path / "labels"
        labels.mkdir()
        for label in sorted(videos.rglob("*.npz")):
            label.rename(labels / f"{label.parent.name}__{label.name}")
        assert len(cached_clips(videos, labels, cache)) == 3

    def test_leaves_no_parts_behind(self, videos, cache):
        cached_clips(videos, None, cache)
        assert {p.suffix for p in cache.rglob("*") if p.is_file()} == {".safetensors"}


def test_a_wider_crop_is_a_clip_of_its_own(videos, cache):
    """As much more of the same frames, and what was cached already stays."""
    (source, *_) = source_clips(videos, None, cache)
    plain, wide = (ClipFile(make_clip(s).path) for s in (source, source.wide(1.9)))
    assert plain.path != wide.path
    shares = [np.ptp(c.landmarks[0], 0)[0] / c.frame(0).shape[0] for c in (plain, wide)]
    assert shares[0] / shares[1] == pytest.approx(1.9 / 1.25, rel=0.03)


class TestBadInput:
    def test_no_folder(self, tmp_path, cache):
        with pytest.raises(InputError, match="nowhere is not a folder"):
            cached_clips(tmp_path / "nowhere", None, cache)

    def test_no_videos(self, tmp_path, cache):
        with pytest.raises(InputError, match=r"holds no videos; expected files like \.avi"):
            cached_clips(tmp_path, None, cache)

    def test_a_missing_label(self, videos, cache, tmp_path):
        labels = tmp_path / "labels"
        labels.mkdir()
        with pytest.raises(InputError, match=r"one\.mp4: no landmark labels; expected"):
            cached_clips(videos, labels, cache)

    @pytest.mark.parametrize("content", [b"", b"not numbers", b"PK\x03\x04broken"])
    def test_a_broken_label(self, videos, cache, content):
        (videos / "anna" / "two.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"two\.npz: expected a \.npz"):
            cached_clips(videos, None, cache)

    @pytest.mark.parametrize("arrays", [{"points": np.ones(3)}, {"landmarks": np.ones((3, 5, 2))}])
    def test_a_label_of_another_kind(self, videos, cache, arrays):
        np.savez(videos / "anna" / "two.npz", **arrays)
        with pytest.raises(InputError, match=r"two\.npz: .*expected"):
            cached_clips(videos, None, cache)

    def test_a_broken_video_is_named_in_one_line(self, videos, cache):
        path = videos / "ben" / "one.mov"
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(InputError, match=r"ben/one\.mov") as caught:
            cached_clips(videos, None, cache)
        assert "\n" not in str(caught.value)

    def test_a_silent_video_is_named(self, videos, cache, made, person):
        made.video(videos / "ben" / "one.mov", person, sound=False)
        with pytest.raises(InputError, match=r"one\.mov: has no sound"):
            cached_clips(videos, None, cache)

    def test_a_video_whose_labels_hold_no_face(self, videos, cache, person):
        empty = np.full_like(person.landmarks, np.nan)
        np.savez(videos / "anna" / "one.npz", landmarks=empty)
        with pytest.raises(InputError, match=r"one\.mp4: no frame has landmarks"):
            cached_clips(videos, None, cache)


class TestTracked:
    """Without a label, landmarks are read off the video itself."""

    @pytest.fixture
    def plain(self, videos):
        (videos / "anna" / "two.npz").unlink()
        return videos

    def test_landmarks_are_those_of_the_face(self, plain, cache, person):
        labelled, tracked, _ = (ClipFile(c.path) for c in cached_clips(plain, None, cache))
        assert len(tracked.valid) == len(person.landmarks)
        eyes = np.linalg.norm(labelled.landmarks[:, 36] - labelled.landmarks[:, 45], axis=1)
        # Both crops are around the same face, though not the same square.
        unit = np.linalg.norm(tracked.landmarks[:, 36] - tracked.landmarks[:, 45], axis=1)

        def shape(clip, unit):
            centred = clip.landmarks - clip.landmarks.mean(1, keepdims=True)
            return centred / unit[:, None, None]

        error = np.linalg.norm(shape(labelled, eyes) - shape(tracked, unit), axis=2)
        assert error.mean() < 0.05
        assert (
            np.corrcoef(*(c.lips[:, 18, 1] - c.lips[:, 14, 1] for c in (labelled, tracked)))[0, 1]
            > 0.9
        )

    def test_a_labelled_and_a_tracked_clip_lie_apart(self, videos, cache):
        labelled = cached_clips(videos, None, cache)[1]
        (videos / "anna" / "two.npz").unlink()
        tracked = cached_clips(videos, None, cache)[1]
        assert labelled[:2] == tracked[:2]
        assert labelled.path != tracked.path
        assert labelled.path.exists()
        assert tracked.path.exists()

    def test_is_tracked_once(self, plain, cache):
        first = cached_clips(plain, None, cache)
        before = stamps(cache)
        assert cached_clips(plain, None, cache) == first
        assert stamps(cache) == before

    def test_a_video_without_a_face_is_named(self, plain, cache, made, person):
        grey = person._replace(frames=np.full_like(person.frames, 90))
        made.video(plain / "anna" / "two.mkv", grey)
        with pytest.raises(InputError, match=r"two\.mkv: no frame has landmarks"):
            cached_clips(plain, None, cache)


class TestTwins:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        def short(seed, **options):
            return synthetic_clip(seed, seconds=0.2, size=64, **options)

        monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)

    def test_are_rendered_once_and_more_can_follow(self, cache):
        first = cached_twins(2, 0, cache)
        before = stamps(cache)
        assert len(before) == 4
        assert cached_twins(3, 0, cache)[:2] == first
        assert {p: stamps(cache)[p] for p in before} == before
        assert len(stamps(cache)) == 6

    def test_say_different_things_with_one_face(self, cache):
        ((a, b),) = cached_twins(1, 0, cache)
        first, second = ClipFile(a), ClipFile(b)
        np.testing.assert_array_equal(first.landmarks[:, 36:48], second.landmarks[:, 36:48])
        assert not np.array_equal(first.mel, second.mel)

    def test_another_seed_makes_other_faces(self, cache):
        ((a, _),), ((b, _),) = cached_twins(1, 0, cache), cached_twins(1, 1, cache)
        assert not np.array_equal(ClipFile(a).frame(0), ClipFile(b).frame(0))


class TestSeveralFolders:
    def test_one_with_its_labels(self):
        assert folders_of("a", "b") == [(Path("a"), Path("b"))]
        assert folders_of("a", None) == [(Path("a"), None)]
        assert folders_of(None, None) == []

    def test_labels_for_all_or_for_each(self):
        assert folders_of(["a", "b"], "c") == [(Path("a"), Path("c")), (Path("b"), Path("c"))]
        assert folders_of(["a", "b"], [None, "c"]) == [(Path("a"), None), (Path("b"), Path("c"))]

    def test_labels_for_some(self):
        with pytest.raises(InputError, match=r"labels names 1 folders for 2 of data\.videos"):
            folders_of(["a", "b"], ["c"])

    def test_a_single_video(self, videos, cache):
        (clip,) = cached_clips(videos / "ben" / "one.mov", None, cache)
        assert clip[:2] == ("ben", "one")
