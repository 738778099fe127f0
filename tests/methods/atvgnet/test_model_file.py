"""From a training run to a model file and back."""

import pytest
import torch

from avfuse import InputError, load
from avfuse.cli import main
from avfuse.files.weights import save_network
from avfuse.methods.atvgnet import ATVGnet
from avfuse.model_file import Plan, save
from avfuse.training.base import check_alike


def given(shapes):
    return torch.rand(1, 3, 32, 32), shapes[:1], torch.randn(1, 3, 80, 8)


def same(found, expected, given):
    """Whether two say the same, but for float16 on the disk."""
    (painted, landmarks), (true, points) = (model.speak(*given) for model in (found, expected))
    torch.testing.assert_close(painted.image, true.image, atol=5e-3, rtol=0)
    assert (landmarks - points).abs().max() < 0.2  # pixels


def test_comes_back_as_it_was_with_its_components(tiny, tmp_path, shapes):
    model, path = tiny(), tmp_path / "atvgnet.safetensors"
    save(model, path, credit="made in a test")
    again = load(path)
    assert isinstance(again, ATVGnet)
    assert again.config == model.config
    same(again, model, given(shapes))


def test_files_of_format_1_are_read(tiny, tmp_path, shapes):
    """They named a network among the options, and no method."""
    model, path = tiny(blend=False), tmp_path / "old.safetensors"
    save_network(model, {"network": "ATVGnet", **model.config}, path, "", format="1")
    again = load(path)
    assert again.config == model.config
    same(again, model, given(shapes))


def test_a_run_is_exported_and_validated(tmp_path, recipes, tiny_training, capsys):
    words = [f"--config={recipes / 'papers' / 'atvgnet.yaml'}", *tiny_training]
    assert main(["fit", *words]) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    out = tmp_path / "mine.safetensors"
    assert main(["export", str(last), str(out), "--credit=procedural"]) == 0
    assert float(load(out).shape.unit) > 0
    assert main(["validate", *words, f"--ckpt_path={last}"]) == 0
    assert "val/seen/taught_psnr" in capsys.readouterr().out
    assert main(["validate", *words, f"--model.weights={out}"]) == 0
    assert main(["validate", *words, f"--ckpt_path={last}", "--model.components=4"]) == 2
    assert "components is 6, here 4" in capsys.readouterr().err


def test_methods_are_told_apart(tiny, generator):
    with pytest.raises(InputError, match="method is dynamic_kernels, here atvgnet"):
        check_alike(Plan.of(generator), Plan.of(tiny()), "the checkpoint")


def test_the_size_is_part_of_it(tiny):
    own = Plan.of(tiny())
    theirs = own._replace(config={**own.config, "size": 64})
    with pytest.raises(InputError, match="size is 64, here 32"):
        check_alike(theirs, own, "the checkpoint")
