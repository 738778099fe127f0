"""The model in the wheel speaks, listens, and says whom it learnt from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse import evaluate, load
from avfuse.data.clip import ClipFile, save_clip
from avfuse.data.preprocess import preprocess
from avfuse.faces.landmarks import LandmarkReader
from avfuse.features.mel import SILENCE
from avfuse.model_file import DEFAULT, bundled

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


def test_a_drawn_face_says_what_it_hears(network, twins):
    """From V1 and A2 it makes what is nearer to V2 than V1 is, at the mouth and in brightness."""
    first, second = (evaluate.align(twin, network.size) for twin in twins)
    rows, columns = evaluate.mouth_region(first.landmarks)
    spoken, _ = evaluate.speak(network, second.photo, twins[1].mel, second.times)

    def error(video):
        return np.square(
            video[:, rows, columns].astype(float) - second.truth[:, rows, columns]
        ).mean()

    assert error(spoken) < error(np.repeat(second.truth[:1], len(spoken), 0))


def test_silence_keeps_the_mouth_still(network, twins):
    aligned = evaluate.align(twins[0], network.size)
    silence = torch.full_like(twins[0].mel, SILENCE)
    spoken, _ = evaluate.speak(network, aligned.photo, silence, aligned.times)
    assert np.ptp(spoken.astype(int), 0).max() <= 2


@pytest.mark.skipif(not DATA.exists(), reason="needs GRID clips beside the project")
@pytest.mark.parametrize("name", HELD_BACK)
def test_real_lips_open_with_the_sound(network, name, tmp_path):
    speaker, stem = name.split("/")
    with np.load(DATA / "landmarks" / f"{speaker}__{stem}.npz") as labels:
        landmarks = labels["landmarks"][..., :2]
    save_clip(preprocess(DATA / "grid" / f"{name}.mpg", landmarks), tmp_path / "clip")
    clip = ClipFile(tmp_path / "clip")
    scores = evaluate.first_frame(network, clip, clip.mel.flip(1), LandmarkReader()).scores
    model, copy, other = (
        scores[name] for name in ("model", "copy first frame", "model, other sound")
    )
    assert model.mouth_psnr > copy.mouth_psnr + 1
    assert model.aperture > max(0.65, other.aperture)
    assert model.eyes < 0.5
