"""The model in the wheel speaks, listens, and says whom it learnt from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse import load
from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import Source, SourceClip
from avfuse.evaluation.dubbing import DUBBING
from avfuse.evaluation.first_frame import FIRST_FRAME, first_frame
from avfuse.evaluation.judged import Judged
from avfuse.evaluation.score import Judge
from avfuse.evaluation.spoken import spoken_clips
from avfuse.metrics.mouth import mouth_region
from avfuse.model_file import DEFAULT, bundled, card_of
from avfuse.sound.mel import SILENCE

DATA = Path(__file__).parents[1].parent / "shared" / "data"
HELD_BACK = ["s1/bbbm2p", "s14/lrwq7p", "s23/lrwp9a"]  # a seen speaker's sentence, two unseen


@pytest.fixture(scope="module")
def network():
    return load(DEFAULT)


def test_it_fits_the_wheel_and_credits_its_data():
    model = next(m for m in bundled() if m.name == DEFAULT)
    assert model.megabytes <= 25
    assert "GRID" in model.credit
    assert "CC BY 4.0" in model.credit


def test_its_card_is_the_page():
    """After a change of the page: avfuse export FILE FILE --card docs/model-card.md."""
    page = Path(__file__).parents[1] / "docs" / "model-card.md"
    assert card_of(DEFAULT) == page.read_text(encoding="utf-8")


def test_a_drawn_face_says_what_it_hears(network, twins):
    """From V1 and A2 it makes what is nearer to V2 than V1 is, at the mouth and in brightness."""
    task = first_frame(twins[1], network.size)
    target = task.target
    spoken, _ = Judged(network).speak(task)
    square = mouth_region(torch.from_numpy(target.landmarks).float(), 128, 128)[:, 0].numpy()

    def error(video):
        return np.square(video[square].astype(float) - target.truth[square]).mean()

    assert error(spoken) < error(target.copy)


def test_silence_keeps_the_mouth_still(network, twins):
    task = first_frame(twins[0], network.size)
    silence = torch.full_like(task.mel, SILENCE)
    spoken, _ = Judged(network).speak(task, silence)
    assert np.ptp(spoken.astype(int), 0).max() <= 2


@pytest.fixture(scope="module")
def judge():
    return Judge()


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    """Where clips are kept for both protocols."""
    return tmp_path_factory.mktemp("cropped")


@pytest.mark.skipif(not DATA.exists(), reason="needs GRID clips beside the project")
@pytest.mark.parametrize("name", HELD_BACK)
@pytest.mark.parametrize("protocol", [FIRST_FRAME, DUBBING], ids=lambda p: p.name)
def test_real_lips_open_with_the_sound(network, judge, protocol, name, cropped):
    speaker, stem = name.split("/")
    label = DATA / "landmarks" / f"{speaker}__{stem}.npz"
    place = SourceClip(speaker, stem, cropped / f"{speaker}-{stem}.safetensors")
    source = Source(DATA / "grid" / f"{name}.mpg", label, place)
    ((case,), skipped) = spoken_clips({"all": [source]}, [Judged(network)], protocol, quiet=True)
    assert not skipped
    assert len(ClipFile(place.path).valid) == 75
    shown = case.show((protocol.copy, "model, other sound", "model"))
    copy, other, model = judge.scores(shown.target, shown.videos).values()
    assert model.mouth_psnr > copy.mouth_psnr + 1
    assert model.lmd < copy.lmd
    assert model.aperture > max(0.65, other.aperture)
    assert model.eyes < 0.5
