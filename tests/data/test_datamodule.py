"""From a folder to batches: who is held back, what a batch holds, what cannot be used."""

import math

import numpy as np
import pytest
import torch

from avfuse import InputError
from avfuse.data.datamodule import TalkingClips, _shares
from avfuse.data.pairs import RenderedTwins, TransplantedMouths
from avfuse.data.portraits.pairs import DrivenPortrait
from avfuse.data.split import split_clips
from avfuse.data.synthetic import synthetic_clip
from avfuse.experts.landmarks.data import LandmarkFaces
from avfuse.experts.sync.data import MouthsAndSound
from avfuse.geometry.camera import WeakPerspective
from avfuse.geometry.face_model import face_model
from avfuse.video.picture import write_picture


@pytest.fixture
def short_twins(monkeypatch):
    def short(seed, **options):
        return synthetic_clip(seed, seconds=0.2, size=64, **options)

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)


def names(files):
    return [f"{f.path.parent.name}/{f.path.stem}" for f in files]


class TestShares:
    def test_speakers_by_the_square_root_of_their_clips(self, clips):
        parts = split_clips(clips, set(), 0)["train"]
        shares = _shares(parts, 0, 0.0)
        assert sum(shares[:10]) / sum(shares[10:]) == pytest.approx(math.sqrt(10 / 3))

    @pytest.mark.parametrize("share", [0.0, 0.25, 0.9])
    def test_procedural_faces_get_theirs(self, clips, share):
        shares = _shares(split_clips(clips, set(), 0)["train"], 5, share)
        assert sum(shares[-5:]) / sum(shares) == pytest.approx(share)

    def test_nothing_but_procedural_faces(self):
        assert _shares([], 3, 0.25) == [1.0] * 3

    def test_portraits_get_theirs_of_what_is_not_procedural(self, clips):
        shares = np.array(_shares(split_clips(clips, set(), 0)["train"], 5, 0.2, 1, 7, 0.5))
        assert len(shares) == 13 + 1 + 7 + 5
        assert shares[-5:].sum() / shares.sum() == pytest.approx(0.2)
        assert shares[-12:-5].sum() / shares.sum() == pytest.approx(0.4)

    def test_what_is_no_share_of_portraits(self):
        expected = "portraits_share is 2; expected a share from 0, no portraits, to 1, nothing else"
        with pytest.raises(InputError, match=expected):
            TalkingClips(portraits_share=2.0)

    def test_all_procedural_beside_real_ones(self, clips):
        shares = _shares(split_clips(clips, set(), 0)["train"], 5, 1.0)
        assert sum(shares[-5:]) / sum(shares) == pytest.approx(1.0)

    def test_one_draws_no_real_clip_and_none_draws_no_procedural_one(self, clips):
        parts = split_clips(clips, set(), 0)["train"]
        assert not any(_shares(parts, 5, 1.0)[:-5])
        assert not any(_shares(parts, 5, 0.0)[-5:])

    @pytest.mark.parametrize("data", [TalkingClips, LandmarkFaces, MouthsAndSound])
    @pytest.mark.parametrize("share", [-0.1, 1.01, math.nan])
    def test_what_is_no_share(self, data, share):
        expected = f"synthetic_share is {share:g}; expected a share from 0, .* to 1, nothing else"
        with pytest.raises(InputError, match=expected):
            data(synthetic_share=share)


class TestBatches:
    @pytest.fixture
    def data(self, tmp_path, short_twins):
        data = TalkingClips(
            cache=str(tmp_path), synthetic=3, size=64, frames=2, batch=4, epoch=10, validation=6,
            workers=0,
        )  # fmt: skip
        data.prepare_data()
        data.setup("fit")
        return data

    def test_landmarks_of_what_is_trained_on(self, data):
        points = data.landmarks()
        assert points.shape == (2 * 2 * 5, 68, 2)  # two faces of three, both voices, all frames
        assert np.isfinite(points).all()
        held = data.val[0].sources[0].clip1.landmarks
        assert not any((points == frame).all((1, 2)).any() for frame in held)

    def test_shapes_and_ranges(self, data):
        batches = list(data.train_dataloader())
        assert len(batches) == 2  # the rest of an epoch is dropped
        batch = data.on_after_batch_transfer(batches[0], 0)
        assert batch.video1.shape == batch.video2.shape == (4, 2, 3, 64, 64)
        assert batch.video1.dtype == torch.float32
        assert 0 <= batch.video1.min() < 0.3
        assert 0.5 < batch.video1.max() <= 1
        assert batch.mel1.shape == (4, 2, 80, 16)

    def test_without_a_trainer_nothing_is_augmented(self, data):
        raw = next(iter(data.train_dataloader()))
        batch = data.on_after_batch_transfer(raw, 0)
        torch.testing.assert_close(batch.video1, raw.video1 / 255)
        assert torch.equal(batch.mel1, raw.mel1)

    def test_validation_faces_are_not_trained_on(self, data):
        held = {id(source) for dataset in data.val for source in dataset.sources}
        assert held.isdisjoint(id(source) for source in data.train.sources)
        assert len(data.train.sources) == 2

    def test_validation_is_always_the_same_and_plain(self, data):
        first, again = (list(data.val_dataloader()[0]) for _ in range(2))
        assert sum(len(b.video1) for b in first) == 6
        for one, other in zip(first, again, strict=True):
            assert all(map(torch.equal, one, other))
        assert data.val[0].strength == 0


class TestSources:
    @pytest.fixture
    def videos(self, tmp_path, made):
        person = synthetic_clip(5, seconds=0.4, size=96)
        for name in ("anna/one.mp4", "anna/two.mp4", "ben/one.mp4"):
            path = tmp_path / "videos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            made.video(path, person)
            np.savez(path.with_suffix(".npz"), landmarks=person.landmarks)
        return str(tmp_path / "videos")

    def test_real_and_procedural_together(self, videos, tmp_path, short_twins):
        data = TalkingClips(
            videos, cache=str(tmp_path / "cache"), synthetic=2, held_back=2, unseen=["ben"]
        )
        data.setup()
        kinds = [type(source) for source in data.train.sources]
        assert kinds == [TransplantedMouths, RenderedTwins]
        seen, unseen = data.val
        assert names(s.clip for s in seen.sources)[0].startswith("anna/two")
        assert names(s.clip for s in unseen.sources)[0].startswith("ben/one")

    def test_nothing_left_to_train_on(self, videos, tmp_path):
        data = TalkingClips(videos, cache=str(tmp_path / "cache"), unseen=["anna", "ben"])
        with pytest.raises(InputError, match="nothing to train on"):
            data.setup()
        with pytest.raises(InputError, match="nothing to train on"):
            TalkingClips().setup()

    def test_faces_too_short_for_a_run_of_frames_are_left_out_and_said_to_be(
        self, videos, tmp_path, short_twins, caplog
    ):
        """Videos have ten frames, procedural faces five."""
        options = {"cache": str(tmp_path / "cache"), "synthetic": 2, "held_back": 2}
        data = TalkingClips(videos, frames=6, **options)
        data.setup()
        assert {type(s) for d in (data.train, *data.val) for s in d.sources} == {TransplantedMouths}
        assert data.held.keys() == {"seen"}
        assert data.train[0].video1.shape[0] == 6
        (said,) = caplog.messages
        assert "4 of 7 clips lack 6 frames" in said

    @pytest.mark.parametrize("frames", [5, 10])
    def test_what_is_long_enough_is_not_spoken_of(
        self, videos, tmp_path, short_twins, caplog, frames
    ):
        options = {"synthetic": 2} if frames == 5 else {}
        TalkingClips(videos, cache=str(tmp_path / "cache"), frames=frames, **options).setup()
        assert caplog.messages == []

    def test_clips_all_too_short_are_refused(self, videos, tmp_path, short_twins):
        for folder, faces in ((videos, 0), (None, 2), (videos, 2)):
            data = TalkingClips(folder, cache=str(tmp_path / "cache"), synthetic=faces, frames=11)
            with pytest.raises(InputError, match=r"no clip has 11 frames .*data\.frames"):
                data.setup()

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(InputError, match=r"is no folder; give --data\.videos"):
            TalkingClips(str(tmp_path / "nowhere")).prepare_data()


class TestPortraits:
    @pytest.fixture
    def portraits(self, tmp_path):
        """A folder of six, grey, all of one face of the model."""
        folder = tmp_path / "portraits"
        folder.mkdir()
        camera = WeakPerspective.of(torch.tensor([[0.0, 0.0, 0.0, 60.0, 40.0, 40.0]]))
        points = 16 * camera.placed(face_model().mean[None]).repeat(6, 1, 1)
        names = [f"{number}.png" for number in range(6)]
        for name in names:
            write_picture(folder / name, np.full((130, 120, 3), 128, np.uint8))
        np.savez(folder / "mesh.npz", names=names, points=points.round().short().numpy())
        return str(folder)

    def test_are_driven_by_what_is_trained_on(self, portraits, tmp_path, short_twins):
        data = TalkingClips(
            cache=str(tmp_path), portraits=portraits, portraits_share=1.0, synthetic=4,
            synthetic_share=0.5, held_back=3, size=64, batch=2, epoch=4, workers=0, validation=2,
        )  # fmt: skip
        data.prepare_data()
        assert len(list(tmp_path.rglob("*.motion-*"))) == 8  # all are fitted before
        data.setup()
        driven = [s for s in data.train.sources if isinstance(s, DrivenPortrait)]
        assert [s.portrait.path.stem for s in driven] == ["1", "2", "4", "5"]
        twins = {clip.path for s in data.train.sources[4:] for clip in s.clips}
        assert {clip.path for clip in driven[0].clips} == twins
        assert data.train.shares[:4].sum() == pytest.approx(0.5)
        assert len(list(data.train_dataloader())) == 2
        unseen = data.val[1].sources
        assert [s.portrait.path.stem for s in unseen] == ["0", "3"]
        assert data.val[1][0].video1.shape == (1, 3, 64, 64)

    def test_need_somebody_to_drive_them(self, portraits, tmp_path):
        data = TalkingClips(cache=str(tmp_path), portraits=portraits)
        with pytest.raises(InputError, match=r"give data\.videos or data\.synthetic"):
            data.setup()

    def test_a_folder_that_holds_none(self, tmp_path):
        with pytest.raises(InputError, match=r"give a folder of pictures with mesh\.npz"):
            TalkingClips(portraits=str(tmp_path)).prepare_data()
