"""The sync score: what it looks at, and that it tells true sound from late and from other sound."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchmetrics import MetricCollection

from avfuse.data.clip import ClipFile, save_clip
from avfuse.data.preprocess import preprocess
from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.experts.sync.evaluation import Embedded, separation
from avfuse.metrics.mouth_crops import SIZE, frames_at_rate, mouth_crops
from avfuse.metrics.sync import (
    REACH,
    SyncConfidence,
    SyncOffset,
    SyncReading,
    SyncSimilarity,
    at_offset,
    extended,
    read_curve,
    sync_curve,
)
from avfuse.metrics.sync_expert import FRAMES, STEPS, SyncExpert, load_expert, save_expert
from avfuse.sound.mel import SILENCE, mel_spectrogram, mel_windows

DATA = Path(__file__).parents[2].parent / "shared" / "data"
# Every tenth clip of a seen speaker, and all that there is of unseen ones.
HELD_BACK = ["s1/bbbm2p", "s14/lrwq7p", "s23/lrwp9a"]
real = pytest.mark.skipif(not DATA.exists(), reason="needs GRID clips beside the project")


@pytest.fixture(scope="module")
def expert():
    return load_expert()


@pytest.fixture(scope="module")
def drawn():
    """Procedural faces and voices that training never saw."""
    return [synthetic_clip(seed, seconds=2.4, size=128) for seed in range(9_000_000, 9_000_004)]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Held-back clips of the GRID corpus."""
    folder, clips = tmp_path_factory.mktemp("filmed"), []
    for name in HELD_BACK:
        speaker, stem = name.split("/")
        with np.load(DATA / "landmarks" / f"{speaker}__{stem}.npz") as labels:
            landmarks = labels["landmarks"][..., :2]
        path = folder / f"{stem}.safetensors"
        save_clip(preprocess(DATA / "grid" / f"{name}.mpg", landmarks), path)
        clips.append(ClipFile(path))
    return clips


def arguments(clip):
    """Of the metrics' `update`."""
    if isinstance(clip, ClipFile):
        frames = torch.from_numpy(np.stack([clip.frame(i) for i in range(len(clip.times))]))
        return frames, torch.from_numpy(clip.landmarks), clip.times, clip.mel
    mel = mel_spectrogram(torch.from_numpy(clip.waveform))
    return *map(torch.from_numpy, (clip.frames, clip.landmarks, clip.times)), mel


def looked_at(clip):
    """Of `sync_curve`, without the expert."""
    frames, landmarks, times, mel = arguments(clip)
    mouths = mouth_crops(frames.numpy(), landmarks.numpy())
    return torch.from_numpy(mouths), times, mel


def embedded(expert, clip):
    mouths, times, mel = looked_at(clip)
    with torch.inference_mode():
        seen = expert.see(mouths[None].float())[0]
        return Embedded(seen, expert.hear(mel_windows(mel, extended(times, REACH), STEPS)))


def turned(clip, angle, scale):
    """The clip with the camera turned and nearer, and its landmarks with it."""
    side = clip.frames.shape[1]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, angle, scale)
    frames = np.stack([cv2.warpAffine(f, matrix, (side, side), borderMode=1) for f in clip.frames])
    return frames, (clip.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def test_frames_nearest_to_25_a_second():
    assert frames_at_rate(np.arange(75) / 25).tolist() == list(range(75))
    assert frames_at_rate(np.arange(60) / 50).tolist() == list(range(0, 60, 2))
    times = np.arange(90) / 30
    chosen = times[frames_at_rate(times)]
    assert np.abs(chosen - np.arange(len(chosen)) / 25).max() <= 1 / 60 + 1e-9


def test_mouths_do_not_care_how_the_head_is_held(drawn):
    clip = drawn[0]
    plain = mouth_crops(clip.frames, clip.landmarks)
    assert plain.shape == (60, SIZE, SIZE)
    assert plain.dtype == np.uint8
    held = mouth_crops(*turned(clip, 17.0, 1.15))
    other = mouth_crops(drawn[1].frames, drawn[1].landmarks)
    assert (
        np.abs(held.astype(float) - plain).mean() < 0.1 * np.abs(other.astype(float) - plain).mean()
    )


def test_mouths_do_not_care_how_many_pixels_there_are(drawn):
    clip = drawn[0]
    large = np.stack([cv2.resize(f, None, fx=2, fy=2) for f in clip.frames])
    doubled = mouth_crops(large, 2 * clip.landmarks + 0.5)
    plain = mouth_crops(clip.frames, clip.landmarks)
    assert np.abs(doubled.astype(float) - plain).mean() < 3


def test_room_shows_more_around_the_same(drawn):
    clip = drawn[0]
    wide = mouth_crops(clip.frames, clip.landmarks, room=8)
    assert wide.shape[1:] == (SIZE + 16, SIZE + 16)
    plain = mouth_crops(clip.frames, clip.landmarks)
    assert np.abs(wide[:, 8:-8, 8:-8].astype(int) - plain).mean() < 0.1


def test_a_missing_face_is_bridged_and_none_is_refused(drawn):
    clip = drawn[0]
    gappy = clip.landmarks.copy()
    gappy[20:23] = np.nan
    bridged = mouth_crops(clip.frames, gappy).astype(float)
    assert np.abs(bridged - mouth_crops(clip.frames, clip.landmarks)).mean() < 3
    with pytest.raises(InputError, match="no frame has landmarks"):
        mouth_crops(clip.frames, np.full_like(clip.landmarks, np.nan))


def test_a_window_sees_five_frames(expert, drawn):
    mouths = looked_at(drawn[0])[0][None].float()
    every = expert.see(mouths)
    assert every.shape == (1, 60 - FRAMES + 1, expert.width)
    torch.testing.assert_close(
        every[:, 7:8], expert.see(mouths[:, 7 : 7 + FRAMES]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(every.norm(dim=-1), torch.ones(1, 56))


def test_brightness_and_contrast_do_not_matter(expert, drawn):
    mouths = looked_at(drawn[0])[0][None].float()
    torch.testing.assert_close(expert.see(mouths), expert.see(0.4 * mouths + 30), atol=1e-3, rtol=0)


def test_similarity_at_an_offset():
    """Sound that follows three frames late is found there, in what the clip has of it."""
    heard = F.normalize(torch.randn(40, 16), dim=-1)
    seen = heard[10 + 3 : 30 + 3]  # windows 0 to 19 stand at moments 10 to 29
    torch.testing.assert_close(at_offset(seen, heard, 3), torch.ones(17))
    assert at_offset(seen, heard, 0).shape == (20,)
    assert at_offset(seen, heard, -7).shape == (13,)
    assert at_offset(seen, heard, 2).max() < 0.999


def test_scores_of_a_curve():
    curve = torch.linspace(0, 0.3, 31)
    curve[REACH - 4] = 0.9
    scores = read_curve(curve)
    assert scores.offset == 4
    assert scores.similarity == pytest.approx(0.15)
    assert scores.confidence == pytest.approx(0.9 - float(np.median(curve.numpy())))


def test_separation_of_the_perfect_and_of_the_blind():
    generator = torch.Generator().manual_seed(0)

    def unit(*shape):
        return F.normalize(torch.randn(*shape, generator=generator), dim=-1)

    heard = [unit(50, 64) for _ in range(4)]
    perfect = separation([Embedded(h[15:35], h) for h in heard])
    assert set(perfect) == {
        f"{level}_{name}"
        for level in ("window", "clip")
        for name in ("shift", "shift2", "shift3", "shift5", "other")
    }
    assert min(perfect.values()) > 0.999
    blind = separation([Embedded(unit(20, 64), h) for h in heard])
    assert blind["window_shift"] == pytest.approx(0.5, abs=0.1)


def test_true_sound_on_drawn_faces(expert, drawn):
    values = separation([embedded(expert, clip) for clip in drawn])
    assert values["clip_shift"] >= 0.9
    assert values["clip_other"] >= 0.9


@real
def test_true_sound_on_held_back_clips(expert, filmed):
    values = separation([embedded(expert, clip) for clip in filmed])
    assert values["clip_shift"] >= 0.9
    assert values["clip_other"] >= 0.9


@pytest.mark.parametrize("late", [-6, 0, 9])
def test_finds_how_late_the_sound_is(expert, drawn, late):
    mouths, times, mel = looked_at(drawn[0])
    scores = read_curve(sync_curve(expert, mouths, times, moved(mel, late)))
    assert abs(scores.offset + late) <= 1


@real
@pytest.mark.parametrize("late", [-8, 0, 5])
def test_finds_how_late_the_sound_of_a_film_is(expert, filmed, late):
    for clip in filmed:
        mouths, times, mel = looked_at(clip)
        assert (
            abs(read_curve(sync_curve(expert, mouths, times, moved(mel, late))).offset + late) <= 1
        )


def test_nothing_fits_a_still_picture_or_silence(expert, drawn):
    mouths, times, mel = looked_at(drawn[0])

    def confidence(mouths, mel):
        return read_curve(sync_curve(expert, mouths, times, mel)).confidence

    spoken = confidence(mouths, mel)
    assert confidence(mouths[:1].expand_as(mouths), mel) < 0.4 * spoken
    assert confidence(mouths, torch.full_like(mel, SILENCE)) < 0.1 * spoken
    assert confidence(mouths, looked_at(drawn[1])[2]) < 0.8 * spoken


def moved(mel, late):
    """The sound so many frames later; a frame is 3.2 mel steps."""
    return torch.roll(mel, round(3.2 * late), 1)


def test_too_short_a_clip_is_refused(expert, drawn):
    mouths, times, mel = looked_at(drawn[0])
    assert sync_curve(expert, mouths[:20], times[:20], mel).shape == (31,)
    with pytest.raises(InputError, match="19 frames"):
        sync_curve(expert, mouths[:19], times[:19], mel)


def test_metrics_are_means_over_clips_and_merge(expert, drawn):
    kinds = (SyncSimilarity, SyncConfidence, SyncOffset)
    whole, *parts = (MetricCollection([kind(expert) for kind in kinds]) for _ in range(3))
    for number, clip in enumerate(drawn[:3]):
        for metrics in (whole, parts[number % 2]):
            metrics.update(*arguments(clip))
    assert len(whole.compute_groups) == 1  # the expert ran once a clip
    for name, metric in parts[0].items():
        metric.merge_state(parts[1][name])
    each = [read_curve(sync_curve(expert, *looked_at(clip))) for clip in drawn[:3]]
    mean = SyncReading(*np.mean(np.abs(np.array(each)), 0))
    for computed in (whole.compute(), parts[0].compute()):
        assert computed["SyncSimilarity"] == pytest.approx(mean.similarity, abs=1e-4)
        assert computed["SyncConfidence"] == pytest.approx(mean.confidence, abs=1e-4)
        assert computed["SyncOffset"] == mean.offset
    whole.reset()
    assert whole["SyncOffset"].compute().isnan()


def test_the_file_is_small_and_credits_its_data(expert):
    from importlib import resources

    from safetensors import safe_open

    path = Path(str(resources.files("avfuse.metrics") / "weights" / "sync_expert.safetensors"))
    assert path.stat().st_size <= 5e6
    assert sum(p.numel() for p in expert.parameters()) <= 1.5e6
    with safe_open(path, "pt") as file:
        credit = file.metadata()["credit"]
    assert "GRID" in credit
    assert "CC BY 4.0" in credit


def test_weights_survive_the_file(tmp_path):
    small = SyncExpert((4, 4, 8), 8).eval()
    save_expert(small, tmp_path / "small.safetensors", "a test")
    loaded = load_expert(tmp_path / "small.safetensors")
    mel = torch.randn(3, 80, STEPS)
    torch.testing.assert_close(loaded.hear(mel), small.hear(mel), atol=2e-3, rtol=0)


def test_a_file_that_holds_none_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no such thing")
    for path in (tmp_path / "x.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(InputError, match="holds no sync expert"):
            load_expert(path)
