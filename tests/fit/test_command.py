"""What is read and what is refused, each in one line."""

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


def test_says_which_recipes_are_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text("what is this")  # a stray one
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "recipe.yaml").write_text("model: {fusion: NoFusion}")
    words = ["--config=mine/recipe.yaml", "--config=fusion/channel_concat", "--print_config"]
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *words])
    assert stopped.value.code == 0
    said, read = capsys.readouterr(), "base + mine/recipe.yaml + fusion/channel_concat"
    assert said.err.splitlines()[0] == f"avfuse: recipe: {read}"
    assert "precision: bf16-mixed" in said.out


def test_places_of_somebody_else_are_said_to_be_given(tmp_path, refused):
    line = refused("fit", "--config=bundled", "--data.videos=nowhere")
    assert line == "data.videos=nowhere is no folder; give --data.videos DIR"
    line = refused("fit", "--config=bundled", f"--data.videos={tmp_path}", "--data.labels=there")
    assert line.startswith("data.labels=there is no folder; give --data.labels DIR, or null")


def test_a_missing_checkpoint(words, refused):
    assert "nowhere.ckpt" in refused("validate", *words, "--ckpt_path=nowhere.ckpt")
