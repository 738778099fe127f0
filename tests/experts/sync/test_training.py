"""What the sync expert learns from, how it is judged, and that its recipe runs."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.experts.sync.data import MouthsAndSound, shares
from avfuse.experts.sync.segments import (
    PIECE,
    ROOM,
    Pieces,
    SegmentSamples,
    Track,
    read_track,
)
from avfuse.experts.sync.training import SyncTraining, contrast, main
from avfuse.experts.sync.wear import plain_mouths, worn_mouths, worn_sound
from avfuse.metrics.mouth_crops import SIZE
from avfuse.metrics.sync_expert import FRAMES, STEPS, load_expert
from avfuse.sound.mel import mel_windows

ROOT = Path(__file__).parents[3]
RECIPES = sorted((ROOT / "recipes" / "metrics").glob("*.yaml"))


@pytest.fixture(scope="module")
def track(twins):
    return read_track(twins[0])


def samples(track, **options):
    settings = {"length": 8, "windows": 6, "reach": 3, "seed": 0}
    return SegmentSamples([track], [1.0], **(settings | options))


def test_segments_hold_pictures_and_their_sound(track):
    sample = samples(track)[3]
    side = SIZE + 2 * ROOM
    assert sample.mouths.shape == (6 + FRAMES - 1, side, side)
    assert sample.mel.shape == (6 + FRAMES - 1 + 2 * 3, 80, STEPS)
    # Of the whole clip there is one segment: its sound is centred on its pictures.
    whole = samples(track, windows=len(track.mouths) - FRAMES + 1)[0]
    own = mel_windows(track.mel, track.times, STEPS)
    assert (whole.mel[3:-3] - own).abs().mean() < 0.1 * (whole.mel[:-6] - own).abs().mean() + 0.05


def test_segments_are_the_same_each_time_and_differ(track):
    first, again, other = samples(track)[3], samples(track)[3], samples(track)[4]
    assert torch.equal(first.mel, again.mel)
    assert torch.equal(first.mouths, again.mouths)
    assert not torch.equal(first.mel, other.mel)


def test_held_back_clips_are_scored_in_pieces_of_three_seconds(track):
    long = Track(track.mouths.repeat(6, 1, 1)[:170], torch.arange(170) / 25, track.mel, 0)
    brief = track._replace(mouths=track.mouths[:19], times=track.times[:19])
    pieces = Pieces([long, brief, track], 15)
    assert [len(p.mouths) for p in pieces] == [PIECE, PIECE, len(track.mouths)]
    assert all(len(p.mel) == len(p.mouths) + 30 for p in pieces)


def test_speakers_are_drawn_more_evenly_than_their_clips(track):
    anna, ben, drawn = slice(0, 10), slice(10, 13), slice(13, 17)
    tracks = [track._replace(speaker=n) for n in (*[0] * 10, *[1] * 3, *[2] * 2, *[3] * 2)]
    for evenness, ratio in ((0.0, 10 / 3), (1.0, 1.0)):
        weights = shares(tracks, 2, evenness, 0.25)
        assert sum(weights[anna]) / sum(weights[ben]) == pytest.approx(ratio)
        assert sum(weights[drawn]) / sum(weights) == pytest.approx(0.25)
        assert len(set(shares(tracks[anna], 2, evenness, 0.25))) == 1  # there is but one to draw
        assert not any(shares(tracks, 2, evenness, 0.0)[drawn])
        assert not any(shares(tracks, 2, evenness, 1.0)[:13])
    assert shares(tracks[drawn], 0, 1.0, 0.25) == [1.0] * 4


@pytest.fixture
def clips(tmp_path, made):
    """Ten clips of anna, three of ben."""
    from avfuse.data.preprocess import SourceClip

    short = synthetic_clip(1, seconds=0.8, size=48)
    found = []
    for speaker, count in (("anna", 10), ("ben", 3)):
        (tmp_path / speaker).mkdir()
        for number in range(count):
            path = tmp_path / speaker / f"{number}.safetensors"
            made.clip_file(path, short)
            found.append(SourceClip(speaker, str(number), path))
    return found


def test_wear_changes_pictures_and_keeps_their_motion(track):
    torch.manual_seed(0)
    mouths = track.mouths[None, :12].float().repeat(8, 1, 1, 1) / 255
    plain, worn = plain_mouths(mouths), worn_mouths(mouths)
    assert worn.shape == plain.shape == (8, 12, SIZE, SIZE)
    assert (worn - plain).abs().mean() > 0.03
    # A still clip stays nearly still: what is drawn is drawn for a clip, but for a little shaking.
    still = worn_mouths(mouths[:, :1].expand(-1, 12, -1, -1))
    assert still.diff(dim=1).abs().mean() < 0.5 * (worn[:4] - worn[4:]).abs().mean()


def test_wear_keeps_sound_within_the_scale(track):
    torch.manual_seed(0)
    mel = mel_windows(track.mel, track.times, STEPS)[None].repeat(4, 1, 1, 1)
    worn = worn_sound(mel)
    assert worn.shape == mel.shape
    assert -4 <= worn.min() <= worn.max() <= 4
    assert not torch.allclose(worn[0], worn[1], atol=0.1)


def unit(*shape):
    return F.normalize(torch.randn(*shape), dim=-1)


def test_contrast_in_closed_form():
    """With all similarities alike, one of n sounds is guessed, one of n windows."""
    seen, heard, silence = torch.ones(2, 3, 4) / 2, torch.ones(2, 7, 4) / 2, torch.ones(4) / 2

    def loss(*speakers):
        return contrast(seen, heard, silence, torch.tensor(speakers), torch.tensor(10.0))[0]

    def guessed(sounds, *windows):
        back = torch.tensor(windows).log().mean()
        return (torch.tensor(float(sounds)).log() + back) / 2

    # 15 sounds less two neighbours; 6 windows less one (at the ends) or two (in the middle).
    torch.testing.assert_close(loss(0, 0), guessed(13, 5.0, 4.0, 5.0))
    # Of two speakers each has his own 7 sounds and silence, and 3 windows.
    torch.testing.assert_close(loss(0, 1), guessed(6, 2.0, 1.0, 2.0))


def test_contrast_wants_the_sound_of_the_moment():
    torch.manual_seed(0)
    heard, silence = unit(4, 16, 32), unit(32)

    def loss(seen):
        return contrast(seen, heard, silence, torch.zeros(4, dtype=torch.long), torch.tensor(20.0))

    true, right = loss(heard[:, 5:11])
    assert right == 1
    late, near = loss(heard[:, 7:13])[0], loss(heard[:, 6:12])[0]
    other, still = loss(heard[:, 5:11].roll(1, 0))[0], loss(silence.expand(4, 6, 32))[0]
    assert true < near < min(late, other, still)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Lightning's command line on tiny procedural faces."""

    def short(seed, **options):
        return synthetic_clip(seed, seconds=0.9, size=48, **options)

    monkeypatch.setattr("avfuse.data.preprocess.synthetic_clip", short)
    settings = {
        "model.output": tmp_path / "out" / "expert.safetensors",
        "data.videos": "null",
        "data.labels": "null",
        "data.unseen": "[]",
        "data.synthetic": 2,
        "data.held_back": 2,
        "data.cache": tmp_path / "cache",
        "data.batch": 2,
        "data.epoch": 4,
        "trainer.accelerator": "cpu",
        "trainer.precision": "32-true",
        "trainer.max_epochs": 2,
        "trainer.enable_progress_bar": "false",
        "trainer.enable_model_summary": "false",
        "trainer.logger.init_args.save_dir": tmp_path / "run",
    }

    def command(verb, recipe, **options):
        words = [f"--{name}={value}" for name, value in (settings | options).items()]
        monkeypatch.setattr(sys, "argv", ["sync_training", verb, f"--config={recipe}", *words])
        main()

    return command


@pytest.mark.parametrize("recipe", RECIPES, ids=[path.name for path in RECIPES])
def test_recipe_trains_writes_its_weights_and_validates(recipe, run, tmp_path, capsys):
    run("fit", recipe, **{"trainer.max_epochs": 1})
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    state = torch.load(last, weights_only=True)
    assert state["global_step"] == 2
    assert all(value.isfinite().all() for value in state["state_dict"].values())
    weights = tmp_path / "out" / "expert.safetensors"
    assert load_expert(weights).width == 128
    run("validate", recipe, **{"model.weights": weights})
    assert "val/unseen/clip_shift" in capsys.readouterr().out


def test_every_epoch_has_segments_of_its_own(run, monkeypatch):
    step, heard = SyncTraining.training_step, []

    def listens(self, batch, batch_index):
        heard.append(batch.mouths.sum().item())
        return step(self, batch, batch_index)

    monkeypatch.setattr(SyncTraining, "training_step", listens)
    monkeypatch.setattr("avfuse.experts.sync.data.worn_mouths", plain_mouths)
    run("fit", RECIPES[0])
    assert len(set(heard)) == len(heard) == 4


def test_a_run_that_broke_off_is_taken_up_again(run, tmp_path, monkeypatch):
    step = SyncTraining.training_step

    def breaks(self, batch, batch_index):
        if self.global_step == 3:
            raise RuntimeError("the light went out")
        return step(self, batch, batch_index)

    monkeypatch.setattr(SyncTraining, "training_step", breaks)
    with pytest.raises(RuntimeError, match="light"):
        run("fit", RECIPES[0])
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    assert torch.load(last, weights_only=True)["global_step"] == 2
    monkeypatch.setattr(SyncTraining, "training_step", step)
    run("fit", RECIPES[0], ckpt_path=last)
    (second,) = set((tmp_path / "run").rglob("last.ckpt")) - {last}
    assert torch.load(second, weights_only=True)["global_step"] == 4


def test_there_is_a_recipe():
    assert [path.name for path in RECIPES] == ["sync.yaml"]


def test_held_back_clips_do_not_train(monkeypatch, clips):
    monkeypatch.setattr(MouthsAndSound, "_clips", lambda self: clips)
    data = MouthsAndSound(synthetic=0, unseen=["ben"], held_back=5, windows=1)
    data.setup()
    assert len(data.train.tracks) == 8
    assert [len(pieces) for pieces in data.val] == [2, 3]


def test_clips_of_one_speaker_bear_one_number(monkeypatch, clips):
    monkeypatch.setattr(MouthsAndSound, "_clips", lambda self: clips)
    data = MouthsAndSound(synthetic=0, held_back=0, windows=1)
    data.setup()
    speakers = [track.speaker for track in data.train.tracks]
    assert speakers == [0] * 10 + [1] * 3


def test_clips_that_are_too_short_are_refused(monkeypatch, clips):
    monkeypatch.setattr(MouthsAndSound, "_clips", lambda self: clips)
    with pytest.raises(InputError, match="nothing to train on"):
        MouthsAndSound(synthetic=0, windows=17).setup()
