"""Checkpoints that meet another model: refused in one line that names what differs."""

import pytest
import torch

from avfuse.cli import main


@pytest.fixture
def words(recipes, tiny_training):
    return [f"--config={recipes / 'fusion' / 'channel_concat.yaml'}", *tiny_training]


@pytest.fixture
def checkpoint(words, tmp_path):
    assert main(["fit", *words]) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    return last


@pytest.fixture
def refused(capsys):
    def run(*words):
        assert main(list(words)) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("avfuse: ")
        return last.removeprefix("avfuse: ")

    return run


def test_a_checkpoint_of_another_model(words, checkpoint, refused):
    there = f"--ckpt_path={checkpoint}"
    built = "the checkpoint was built otherwise: "
    for verb in ("validate", "fit"):
        line = refused(verb, *words, there, "--model.fusion=NoFusion")
        assert line == f'{built}fusion is "ChannelConcat", here "NoFusion"; give both the same'
    line = refused("validate", *words, there, "--model.channels=[4,4,8,8,16]")
    assert line == f"{built}channels is [4, 4, 8, 8, 8], here [4, 4, 8, 8, 16]; give both the same"
    line = refused("validate", *words, there, "--model.fusion.layers=2", "--model.blend=false")
    assert line == (
        f"{built}fusion.layers is 4, here 2; blend is true, here false; give both the same"
    )
    # The size may differ: the network is fully convolutional.
    assert main(["validate", *words, there, "--model.size=96"]) == 0


def test_a_checkpoint_of_another_library(words, tmp_path, refused):
    path = tmp_path / "other.ckpt"
    state = {"state_dict": {}, "pytorch-lightning_version": "2.6.0", "global_step": 0, "epoch": 0}
    torch.save(state, path)
    line = refused("validate", *words, f"--ckpt_path={path}")
    assert line == "the checkpoint was not written by avfuse fit"


def test_a_missing_checkpoint(words, refused):
    assert "nowhere.ckpt" in refused("validate", *words, "--ckpt_path=nowhere.ckpt")
