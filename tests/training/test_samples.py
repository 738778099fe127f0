"""What a run shows of itself, looked at as files."""

import csv

import av
import cv2
import numpy as np
import pytest
import torch

from avfuse.cli import main
from avfuse.data.pairs import RenderedTwins, TransplantedMouths
from avfuse.data.passage import passage
from avfuse.data.synthetic import synthetic_clip
from avfuse.sound.mel import mel_windows
from avfuse.training.samples import Samples, side_by_side
from avfuse.types import Generated
from avfuse.video.audio import read_audio


@pytest.fixture
def fit(recipes, tiny_training):
    def run(*words):
        recipe = f"--config={recipes / 'fusion' / 'channel_concat.yaml'}"
        assert main(["fit", recipe, *tiny_training, *words]) == 0

    return run


def test_a_run_shows_both_sets(fit, tmp_path):
    fit("--trainer.max_epochs=2")
    folder = tmp_path / "run" / "version_0"
    with (folder / "metrics.csv").open() as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["val/seen/gain"]]
    # The first validation is shown, and every fifth from there.
    names = [f"{name}-{steps[0]:06d}" for name in ("seen", "unseen")]
    wanted = {f"{name}{suffix}" for name in names for suffix in (".png", ".mp4")}
    assert {path.name for path in (folder / "samples").iterdir()} == wanted
    for path in (folder / "samples").glob("*.png"):
        picture = cv2.imread(str(path))
        assert picture.shape == (24 + 2 * 64, 4 * 64, 3)  # two pairs below the heading
        assert picture[:24].min() < 128 < picture[:24].max()
    for path in (folder / "samples").glob("*.mp4"):
        with av.open(str(path)) as clip:
            (video,) = clip.streams.video
            assert (video.codec_context.name, video.width, video.height) == ("h264", 256, 88)
            assert sum(1 for _ in clip.decode(video)) == 5  # 0.2 s of a procedural face
            assert not clip.streams.audio  # whose cached clip keeps no sound


def test_a_clip_of_a_video_speaks(fit, made, tmp_path):
    """With the sound of the moment that its lips are of."""
    folder = tmp_path / "videos" / "anna"
    folder.mkdir(parents=True)
    person = synthetic_clip(3, seconds=1.0, size=96)
    video = made.video(folder / "one.mp4", person)
    np.savez(folder / "one.npz", landmarks=person.landmarks)
    fit(f"--data.videos={tmp_path / 'videos'}", "--data.synthetic=0", "--data.epoch=2")
    (shown,) = (tmp_path / "run").rglob("unseen-*.mp4")
    said, whole = read_audio(shown).numpy(), read_audio(video).numpy()
    assert len(said) == pytest.approx(len(whole), abs=1600)
    share = min(len(said), len(whole))
    assert np.corrcoef(said[:share], whole[:share])[0, 1] > 0.9  # but for two encoders


def test_columns_are_source_target_generated_mask():
    shades = [
        torch.full((2, channels, 4, 6), value)
        for channels, value in ((3, 0.0), (3, 0.4), (3, 1.7), (1, 0.2))
    ]
    source, target, image, mask = shades
    pictures = side_by_side(source, target, Generated(image, mask, image, None, {}))
    assert pictures.shape == (2, 4, 24, 3)
    assert pictures[0, 0, ::6, 0].tolist() == [0, 102, 255, 51]


class TestPassage:
    def test_is_the_twins_frame_by_frame(self, twins):
        shown = passage(RenderedTwins(*twins), 64, 16, seconds=0.4)
        assert shown.video1.shape == shown.video2.shape == (10, 3, 64, 64)
        assert shown.fps == pytest.approx(25)
        assert shown.clip in twins
        wanted = mel_windows(shown.clip.mel, shown.times, 16)
        torch.testing.assert_close(shown.mel2, wanted)

    def test_is_as_long_as_a_face_is_seen(self, twins):
        """Frames 0 to 11 and 15 to 29: the second run is the longer one, of 15."""
        clip = type(twins[0])(twins[0].path)
        clip.valid = np.setdiff1d(np.arange(30), [12, 13, 14])
        assert len(passage(TransplantedMouths(clip), 64, 16, seconds=2.0).times) == 15

    def test_is_always_the_same(self, twins):
        first, second = (passage(TransplantedMouths(twins[0]), 64, 16, 0.2) for _ in range(2))
        assert torch.equal(first.video2, second.video2)


@pytest.mark.parametrize("options", [{"every": 0}, {"pairs": 0}, {"seconds": 0.0}])
def test_nothing_to_show_is_refused(options):
    with pytest.raises(ValueError, match="expected at least 1 validation"):
        Samples(**options)
