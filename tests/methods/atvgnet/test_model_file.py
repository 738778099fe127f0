"""From a training run to a model file and back; who does not take it says so."""

import pytest
import torch

from avfuse import InputError, load
from avfuse.cli import main
from avfuse.methods.atvgnet import ATVGnet
from avfuse.model_file import check_alike, load_any, save


@pytest.fixture
def path(tiny, tmp_path):
    path = tmp_path / "atvgnet.safetensors"
    save(tiny(), path, credit="made in a test")
    return path


def test_comes_back_as_it_was_with_its_components(tiny, path, shapes):
    model = load_any(path)
    assert isinstance(model, ATVGnet)
    given = torch.rand(1, 3, 32, 32), shapes[:1], torch.randn(1, 3, 80, 8)
    torch.manual_seed(0)
    expected = tiny().speak(*given)
    found = model.speak(*given)
    torch.testing.assert_close(found.painted.image, expected.painted.image, atol=5e-3, rtol=0)
    assert (found.landmarks - expected.landmarks).abs().max() < 0.2  # pixels; float16 on disk


def test_what_works_frame_by_frame_is_loaded_too(model):
    assert not load_any(model).over_time


def test_load_and_generate_refuse_it_in_one_line(path, face, speech, tmp_path, capsys):
    with pytest.raises(InputError, match="holds ATVGnet, which works over time"):
        load(path)
    words = ["--face", face, "--audio", speech, "--output", tmp_path / "out.mp4", "--model", path]
    assert main(["generate", *map(str, words)]) == 2
    assert "works over time" in capsys.readouterr().err


def test_a_run_is_exported_and_validated(tmp_path, recipes, tiny_training, capsys):
    words = [f"--config={recipes / 'papers' / 'atvgnet.yaml'}", *tiny_training]
    assert main(["fit", *words]) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    out = tmp_path / "mine.safetensors"
    assert main(["export", str(last), str(out), "--credit=procedural"]) == 0
    assert float(load_any(out).shape.unit) > 0
    assert main(["validate", *words, f"--ckpt_path={last}"]) == 0
    assert "val/seen/taught_psnr" in capsys.readouterr().out
    assert main(["validate", *words, f"--ckpt_path={last}", "--model.components=4"]) == 2
    assert "components is 6, here 4" in capsys.readouterr().err


def test_networks_of_two_kinds_are_told_apart(tiny, generator):
    theirs, own = generator.config, tiny().config
    with pytest.raises(InputError, match='network is "Generator", here "ATVGnet"'):
        check_alike(theirs, own, "the checkpoint")


def test_the_size_is_part_of_it(tiny):
    with pytest.raises(InputError, match="size is 64, here 32"):
        check_alike({**tiny().config, "size": 64}, tiny().config, "the checkpoint")
