"""The file that people share: whole, small, and never run."""

import functools
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from avfuse import DynamicKernel, Generator, InputError, NoFusion, load
from avfuse.cli import main
from avfuse.model_file import bundled, export, save


@pytest.fixture
def bundle(tmp_path, monkeypatch, model):
    """A package with one bundled model."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.safetensors").write_bytes(model.read_bytes())
    monkeypatch.setattr("avfuse.model_file.resources.files", lambda _: tmp_path)


def spoken(generator):
    """What a generator makes of one picture and one sound."""
    torch.manual_seed(1)
    image, mel = torch.rand(2, 3, 64, 64), torch.randn(1, 2, 80, generator.audio.steps)
    with torch.no_grad():
        return generator(image, generator.condition(mel).fold()).image


def rewritten(source, path, **header):
    """A copy of a model file with other words in its header."""
    config = {"format": "1", "credit": "", **header}
    save_file(load_file(source), path, {k: v for k, v in config.items() if v is not None})
    return path


def config_of(generator, **changes):
    return json.dumps({**generator.config, **changes})


class TestThereAndBack:
    @pytest.mark.parametrize(
        "plan",
        [
            {"fusion": functools.partial(DynamicKernel, rank=2)},
            {"fusion": NoFusion, "blend": False},
            {"fusion": DynamicKernel, "blocks": (0, 1), "mel_steps": 24},
        ],
    )
    def test_says_the_same(self, tmp_path, plan):
        torch.manual_seed(0)
        generator = Generator(channels=(4, 8), audio_width=2, size=64, **plan).eval()
        save(generator, tmp_path / "model.safetensors")
        loaded = load(tmp_path / "model.safetensors")
        assert loaded.config == generator.config
        torch.testing.assert_close(spoken(loaded), spoken(generator), rtol=0, atol=5e-3)

    def test_is_ready_to_use(self, model):
        loaded = load(model)
        assert not loaded.training
        assert not any(p.requires_grad for p in loaded.parameters())
        assert {p.dtype for p in loaded.parameters()} == {torch.float32}

    def test_matrices_are_half_and_the_rest_is_exact(self, model, generator):
        weights, kept = load_file(model), generator.state_dict()
        for name, value in weights.items():
            if value.ndim > 1:
                assert value.dtype == torch.float16
            else:
                assert torch.equal(value, kept[name])

    def test_leaves_nothing_beside_it(self, tmp_path, generator):
        save(generator, tmp_path / "model.safetensors")
        assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]

    def test_a_place_that_cannot_be_written(self, tmp_path, generator):
        with pytest.raises(InputError, match="cannot be written"):
            save(generator, tmp_path / "nowhere" / "model.safetensors")


class TestExport:
    @pytest.fixture
    def checkpoint(self, tmp_path, recipes, tiny_training):
        words = ["fit", f"--config={recipes / 'bundled.yaml'}", *tiny_training]
        assert main(words) == 0
        return next((tmp_path / "run").rglob("last.ckpt"))

    def test_a_training_run_becomes_a_model(self, tmp_path, checkpoint, capsys):
        path = tmp_path / "model.safetensors"
        capsys.readouterr()
        assert main(["export", str(checkpoint), str(path), "--credit", "no data"]) == 0
        assert "M parameters" in capsys.readouterr().out
        loaded = load(path)
        state = torch.load(checkpoint, weights_only=True)
        plan = json.loads(state["avfuse"])
        assert plan == {"method": "dynamic_kernels", "config": loaded.config, "trained": []}
        assert loaded.config["fusion"]["class_path"] == "DynamicKernel"
        assert loaded.config["fusion"]["init_args"]["rank"] == 24
        trained = export(checkpoint, path)
        torch.testing.assert_close(spoken(loaded), spoken(trained), rtol=0, atol=5e-3)


class TestNothingIsRun:
    @pytest.fixture
    def malicious(self, tmp_path):
        """A pickle that leaves a mark when it is opened."""
        mark = tmp_path / "mark"

        class Mine:
            def __reduce__(self):
                return Path.touch, (mark,)

        path = tmp_path / "malicious.ckpt"
        torch.save({"avfuse": "{}", "state_dict": {}, "mine": Mine()}, path)
        plain = tmp_path / "malicious.safetensors"
        plain.write_bytes(pickle.dumps(Mine()))
        return path, plain, mark

    def test_of_a_pickle(self, tmp_path, malicious):
        checkpoint, plain, mark = malicious
        with pytest.raises(InputError, match="is not a checkpoint written by avfuse fit"):
            export(checkpoint, tmp_path / "out.safetensors")
        for path in (checkpoint, plain):
            with pytest.raises(InputError, match="is not a model file"):
                load(path)
        assert not mark.exists()
        assert not (tmp_path / "out.safetensors").exists()

    def test_of_a_class_that_a_file_names(self, tmp_path, model, generator):
        fusion = {"class_path": "os.system", "init_args": {"command": "true"}}
        path = rewritten(model, tmp_path / "bad", config=config_of(generator, fusion=fusion))
        with pytest.raises(InputError, match=r"fusion strategy system, known are .*DynamicKernel"):
            load(path)


class TestWrongFiles:
    def test_an_unknown_name(self, bundle):
        with pytest.raises(InputError, match=r"'nobody' is neither bundled \(tiny\) nor a file"):
            load("nobody")

    @pytest.mark.parametrize("content", [b"", b"not a model", b"\xff" * 64])
    def test_no_model_file(self, tmp_path, content):
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        with pytest.raises(InputError, match="is not a model file"):
            load(path)

    def test_safetensors_of_something_else(self, tmp_path):
        save_file({"x": torch.zeros(3)}, tmp_path / "x.safetensors")
        with pytest.raises(InputError, match="model format None, expected 1"):
            load(tmp_path / "x.safetensors")

    @pytest.mark.parametrize(
        "changes",
        [
            {"channels": [4, 4, 8, 8, 16]},
            {"channels": [4, -4]},
            {"mel_steps": 30},
            {"nonsense": 1},
            {"fusion": {"class_path": "NoFusion", "init_args": {}}},
            {"fusion": {"class_path": "DynamicKernel", "init_args": {"depth": 3}}},
            {"fusion": {"class_path": 3, "init_args": {}}},
            {"fusion": None},
        ],
    )
    def test_weights_and_configuration_that_do_not_fit(self, tmp_path, model, generator, changes):
        path = rewritten(model, tmp_path / "bad", config=config_of(generator, **changes))
        with pytest.raises(InputError, match="do not fit") as caught:
            load(path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("config", [None, "{", "[]", "3"])
    def test_a_configuration_that_is_none(self, tmp_path, model, config):
        with pytest.raises(InputError, match="do not fit"):
            load(rewritten(model, tmp_path / "bad", config=config))

    def test_a_missing_checkpoint(self, tmp_path):
        with pytest.raises(InputError, match="does not exist"):
            export(tmp_path / "none.ckpt", tmp_path / "out.safetensors")

    def test_a_checkpoint_of_another_library(self, tmp_path):
        torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
        with pytest.raises(InputError, match="is not a checkpoint written by avfuse fit"):
            export(tmp_path / "other.ckpt", tmp_path / "out.safetensors")

    def test_a_checkpoint_that_lacks_weights(self, tmp_path, generator):
        state = {"avfuse": config_of(generator), "state_dict": {}}
        torch.save(state, tmp_path / "half.ckpt")
        with pytest.raises(InputError, match="weights and configuration do not fit"):
            export(tmp_path / "half.ckpt", tmp_path / "out.safetensors")


class TestBundled:
    def test_lists_what_is_there(self, bundle):
        (only,) = bundled()
        assert (only.name, only.credit) == ("tiny", "made in a test")
        assert only.megabytes == pytest.approx(only.path.stat().st_size / 1e6)

    def test_goes_by_name(self, bundle, generator):
        assert load("tiny").config == generator.config

    def test_every_model_that_really_is_bundled_is_small_and_loads(self):
        for model in bundled():
            assert model.megabytes <= 25
            assert model.credit
            load(model.name)
