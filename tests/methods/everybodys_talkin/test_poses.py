"""Turned heads: a dub of known truth, and the table."""

import numpy as np
import pytest
import torch

from avfuse.geometry.pose import fit_pose
from avfuse.methods.everybodys_talkin import poses
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW
from avfuse.model_file import save

STILL = [*range(27, 48)]  # nose and eyes


@pytest.mark.parametrize("turn", [poses.Turn(40, 0), poses.Turn(0, -20), poses.Turn(-20, 0)])
def test_only_mouth_and_jaw_differ_and_the_head_is_turned(turn):
    given = poses.dub(3, turn, 0.6, 128)
    torch.testing.assert_close(given.footage[:, STILL], given.truth[:, STILL])
    assert poses._apart(given.footage, given.truth) > 0.5
    found, straight = (
        fit_pose(poses.dub(3, t, 0.2, 128).truth[0].numpy()) for t in (turn, poses.Turn(0, 0))
    )
    difference = np.subtract((found.yaw, found.pitch), (straight.yaw, straight.pitch))
    assert np.sign(difference.round(-1)).tolist() == np.sign(turn).tolist()


def test_a_prediction_that_is_the_truth_has_no_error(tiny):
    method = tiny(regress="landmarks")
    given = poses.dub(3, poses.Turn(20, 0), 0.4, method.size)
    right = given.truth[:, MOUTH_AND_JAW].flatten(1) / method.size
    method.listen = lambda x: right
    rows = poses.errors({"2D": [method]}, given)
    assert rows["2D"] == pytest.approx(0, abs=1e-4)


def test_the_command_prints_a_row_a_name_and_a_column_a_pose(tiny, tmp_path, capsys):
    save(tiny(), tmp_path / "m.safetensors")
    words = [f"ours={tmp_path / 'm.safetensors'}", "--heads", "2", "--seconds", "0.4"]
    assert poses.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        f"| {name}" for name in (poses.COPY, "ours", poses.BEST)
    ]
    assert {line.count("|") for line in lines} == {2 + len(poses.TURNS)}


def test_no_such_model_is_one_line(capsys):
    assert poses.main(["ours=nowhere.safetensors"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
