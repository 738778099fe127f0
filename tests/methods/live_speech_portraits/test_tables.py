"""Tables 1 to 3: errors of known motion and of known pictures, and the command."""

import math

import numpy as np
import pytest
import torch

from avfuse.data.preprocess import find_videos
from avfuse.methods.live_speech_portraits import tables
from avfuse.methods.live_speech_portraits.footage import meet, moving
from avfuse.methods.live_speech_portraits.method import Motion
from avfuse.methods.live_speech_portraits.points import MOUTH
from avfuse.methods.live_speech_portraits.take import write_take
from avfuse.methods.live_speech_portraits.tracked import takes_folder
from avfuse.model_file import save


@pytest.fixture
def anna(tiny, takes):
    method = tiny()
    meet(method, takes)
    return method


@pytest.fixture
def true(takes):
    return moving(takes[0])


def test_the_truth_is_right(anna, true):
    right = tables.errors(Motion(true.face, true.poses), true, anna.person)
    assert right.aperture == pytest.approx(1)
    assert [v for k, v in right._asdict().items() if k != "aperture"] == pytest.approx(
        [0] * 6, abs=0.05
    )


def test_a_turn_is_as_wrong_as_it_is_wide(anna, true):
    """About an axis that the truth turns about too, so that angles add up."""
    still = true._replace(poses=torch.zeros_like(true.poses) + torch.tensor([0, 0.2, 0, 0, 0, 6.0]))
    turned = still.poses + torch.tensor([0, math.radians(7), 0, 0, 0, 0])
    off = tables.errors(Motion(true.face, turned), still, anna.person)
    assert off.d_rot == pytest.approx(7, abs=0.01)
    assert off.d_pos == off.d_l == 0
    assert off.head_d_l > 0
    assert off.head_d_v < off.head_d_l


def test_a_step_aside_is_as_wrong_as_it_is_long(anna, true):
    aside = true.poses + torch.tensor([0, 0, 0, 0.03, 0, 0.04])
    off = tables.errors(Motion(true.face, aside), true, anna.person)
    assert off.d_pos == pytest.approx(5, abs=1e-3)  # 3, 4, 5
    assert off.d_rot == pytest.approx(0, abs=0.05)


def test_a_mouth_in_widths_of_itself(anna, true):
    face = true.face.clone()
    lips = true.face.mean(0)[MOUTH[7:19], 0]
    face[:, MOUTH, 1] += 0.1 * float(lips.max() - lips.min())
    off = tables.errors(Motion(face, true.poses), true, anna.person)
    assert off.d_l == pytest.approx(10, abs=1e-3)
    assert off.d_v == pytest.approx(0, abs=1e-3)


def test_speaks_as_a_stream_would(anna, takes, true):
    made = tables.spoken(anna, takes[0])
    assert made.face.shape == true.face.shape
    assert made.poses.shape == true.poses.shape


def test_rows_are_controls_and_models(anna, tiny, takes):
    scored = tables.score({"ours": anna, "bare": tiny(neighbours=0)}, takes[:2])
    wanted = [tables.STILL, "ours", "bare", "ours, no projection"]
    assert [name for name, _ in scored] == 2 * wanted
    text = tables.table(scored)
    assert text.startswith("| | d_l | d_v | aperture |")
    assert text.count("\n| ") == len(wanted)
    assert np.isnan(scored[0][1].aperture)


def test_projection_is_left_out_of_a_copy_alone(anna):
    bare = tables.unprojected(anna)
    assert (anna.manifold.neighbours, bare.manifold.neighbours) == (3, 0)
    assert bare.mouth is anna.mouth


def test_pictures(anna, takes):
    scored = tables.look({"ours": anna}, takes[:1], 3)
    assert [name for name, _ in scored] == 3 * ["ours", "ours, first candidate"]
    candidate, first = anna.person.candidates[0], takes[0].picture(0).movedim(-1, 0)
    error = (candidate.float() - first.float()) / 255
    still = scored[1][1]
    assert still.psnr == pytest.approx(-10 * math.log10(float(error.square().mean())), abs=1e-3)
    assert still.l1 == pytest.approx(255 * float(error.abs().mean()), abs=1e-3)


def test_command(anna, takes, tmp_path, capsys):
    save(anna, tmp_path / "anna.safetensors")
    (tmp_path / "one.mp4").write_bytes(b"a film")
    folder = takes_folder(find_videos(tmp_path / "one.mp4"), tmp_path / "cache", 64)
    folder.mkdir(parents=True)
    for number, take in enumerate(takes):
        write_take(take, folder / f"{number}.safetensors")
    (folder / "complete").touch()
    words = [f"ours={tmp_path / 'anna.safetensors'}", f"--videos={tmp_path / 'one.mp4'}"]
    words += [f"--cache={tmp_path / 'cache'}", "--pictures=2", f"--output={tmp_path / 'a.md'}"]
    assert tables.main(words) == 0
    said = capsys.readouterr().out
    assert said == (tmp_path / "a.md").read_text()
    assert "| ours, first candidate |" in said
    assert tables.main([f"ours={tmp_path / 'one.mp4'}", *words[1:]]) == 2
