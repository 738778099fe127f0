"""A run leaves a model file: the best of its checkpoints, or the end of it."""

import torch
import yaml

from avfuse import load
from avfuse.cli import main
from avfuse.model_file import from_checkpoint

CALLBACK = "avfuse.training.exported.ModelFile"


def trained(words, *more):
    told = ["--model.fusion=NoFusion", f"--trainer.callbacks+={CALLBACK}"]
    return main(["fit", "--config=base", *words, *told, *more])


def test_the_best_is_written(tiny_training, tmp_path, capsys):
    path = tmp_path / "made" / "mine.safetensors"
    told = [f"--trainer.callbacks.path={path}", "--trainer.callbacks.credit=nobody"]
    assert trained(tiny_training, *told) == 0
    assert f"avfuse: model: {path}" in capsys.readouterr().err
    (best,) = (tmp_path / "run").rglob("best.ckpt")
    weights = from_checkpoint(best).state_dict()
    for name, value in load(path).state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-3, atol=1e-4)


def test_lies_in_the_runs_folder_else_and_needs_no_validation(tiny_training, tmp_path, capsys):
    assert trained(tiny_training, "--trainer.limit_val_batches=0") == 0
    (path,) = (tmp_path / "run").rglob("model.safetensors")
    assert load(path).size == 64


def test_the_personal_recipe_goes_on_from_the_bundled_model(recipes):
    told = yaml.safe_load((recipes / "bundled" / "personal.yaml").read_text())
    assert told["model"]["weights"] == "default"
    assert told["trainer"]["callbacks+"][-1]["class_path"] == CALLBACK
