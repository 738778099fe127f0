"""The paper as printed: sizes, what trains, what each ablation is."""

import sys
from types import SimpleNamespace

import pytest
import torch
import yaml

from avfuse import InputError
from avfuse.cli import main
from avfuse.fit.command import trainable
from avfuse.fusion.naming import factory
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.methods.dynamic_kernels.terms import supervision
from avfuse.methods.dynamic_kernels.training import TalkingFace, start_from_speech
from avfuse.types import Batch, Condition

ABLATIONS = {
    "without_dck": "SpatialAttention",
    "without_blending": "DynamicKernel",
    "channel_concat": "ChannelConcat",
    "landmark_cascade": "LandmarkCascade",
    "no_fusion": "NoFusion",
}


@pytest.fixture
def folder(recipes):
    return recipes / "papers" / "dynamic_kernels"


@pytest.fixture
def printed(folder):
    """What the recipe says of the model."""
    return yaml.safe_load((folder / "paper.yaml").read_text())["model"]


@pytest.fixture
def tiny(tiny_training, wav2lip):
    return [*tiny_training, f"--model.wav2lip={wav2lip}"]


def built(recipe, words):
    return trainable([f"--config={recipe}", *words])[1]


def test_every_ablation_has_a_recipe(folder):
    assert {path.stem for path in folder.glob("*.yaml")} == {"paper", *ABLATIONS}


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_is_the_paper_but_for_its_own_difference(name, folder, tiny):
    paper, other = (built(folder / f"{stem}.yaml", tiny) for stem in ("paper", name))
    assert type(other.method.fusion).__name__ == ABLATIONS[name]
    assert other.method.blend == (name != "without_blending")
    own = yaml.safe_load((folder / f"{name}.yaml").read_text())["model"]
    for option, value in paper.hparams.items():
        if option not in own:
            assert other.hparams[option] == value, option


def test_only_kernel_generators_and_image_network_train(folder, tiny, tmp_path, wav2lip):
    """Frozen: no gradients, and norms that stay as they were, through a real training."""
    module = built(folder / "paper.yaml", tiny)
    optimised = {
        id(p) for group in module.configure_optimizers()[0] for p in group.param_groups[0]["params"]
    }
    assert not optimised & {id(p) for p in module.method.audio.parameters()}
    assert {id(p) for p in module.method.fusion.parameters()} <= optimised
    assert main(["fit", f"--config={folder / 'paper.yaml'}", *tiny]) == 0
    (last,) = (tmp_path / "run").rglob("last.ckpt")
    trained = torch.load(last, weights_only=True)["state_dict"]
    given = torch.load(wav2lip, weights_only=True)["state_dict"]
    for key, value in given.items():
        name = key.replace("audio_encoder.", "method.audio.layers.")
        assert torch.equal(trained[name], value), name


def test_norms_stay_in_evaluation_mode(folder, tiny):
    module = built(folder / "paper.yaml", tiny)
    for _ in range(2):
        assert not any(part.training for part in module.method.audio.modules())
        module.train()
    assert module.method.face.training
    assert not any(p.requires_grad for p in module.method.audio.parameters())


def test_random_weights_are_not_frozen():
    with pytest.raises(ValueError, match="audio encoder of random weights; give wav2lip=FILE"):
        TalkingFace(factory({"class_path": "NoFusion", "init_args": {}}), audio="frozen")


def test_the_speech_encoder_stands_in_for_wav2lips(monkeypatch):
    torch.manual_seed(0)
    spoken = AudioEncoder(16, 2)
    loader = SimpleNamespace(load_speech_encoder=lambda: spoken)
    monkeypatch.setitem(sys.modules, "avfuse.experts.speech.encoder", loader)
    plan = {"channels": (4, 8), "size": 32, "speech_encoder": True, "audio": "frozen"}
    deaf = factory({"class_path": "NoFusion", "init_args": {}})
    taken = TalkingFace(deaf, audio_width=2, **plan).method.audio.state_dict()
    assert all(torch.equal(taken[k], v) for k, v in spoken.state_dict().items())
    start_from_speech(AudioEncoder(22, 2, windows=3))
    with pytest.raises(ValueError, match="use mel_steps=16, or audio_windows, and audio_width=32"):
        start_from_speech(AudioEncoder(24, 2))


class TestSizes:
    """The paper's own sizes, without the memory that they take."""

    @pytest.fixture
    def module(self, printed, monkeypatch):
        plan = {**printed, "speech_encoder": False, "audio": "trained"}
        # Shapes and nothing in them: what 135 M numbers and Adam take would be 2 GB.
        monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)  # knows no such device
        adam = torch.optim.AdamW  # nor does its fused form
        monkeypatch.setattr(torch.optim, "AdamW", lambda *given, fused, **o: adam(*given, **o))
        with torch.device("meta"):
            return TalkingFace(factory(plan.pop("fusion")), **plan)

    def test_numbers_of_the_paper(self, module):
        generator = module.method
        assert generator.size == 256
        assert len(generator.face.levels) == 5
        assert generator.audio.dim == 512
        maps = list(generator.fusion.dynamic.values())
        assert [sum(p.numel() for p in m.parameters()) for m in maps] == [513 * 65_792] * 4
        assert sum(p.numel() for p in generator.audio.parameters()) == 2_812_672
        heads = generator.heads(torch.empty(1, 16, 128, 128, device="meta"))
        assert heads.shape == (1, 4, 256, 256)  # M and α

    def test_a_step_of_each_optimizer(self, module):
        def made(*shape):
            return torch.rand(*shape, device="meta")

        video, mel, points = made(2, 1, 1, 3, 256, 256), made(2, 1, 1, 80, 16), made(1, 1, 68, 2)
        pair = Batch(*video, *mel, points, points, *made(2, 1, 1, 20, 2))
        condition = module.method.fusion.prepare(Condition(module.method.listen(mel.flatten(0, 1))))
        assert [tuple(k.weight.shape) for k in condition.kernels] == [(2, 1, 256, 256, 1, 1)] * 4
        generated = module.method(video.flatten(0, 2), condition.fold())
        generator, discriminator = module.configure_optimizers()[0]
        score = module.discriminator(module._judged(generated.image, points))
        terms = supervision(module.hparams, pair, generated)
        assert set(terms) == {"reconstruction", "mask"}
        (sum(terms.values()) + score.mean()).backward()
        generator.step()
        discriminator.step()
        silent = [n for n, p in module.method.named_parameters() if p.grad is None]
        assert silent == []


def test_the_plan_of_table_1_builds(recipes, tmp_path, tiny_training, wav2lip):
    plan = yaml.safe_load((recipes / "ablations" / "paper000_table1.yaml").read_text())
    assert plan["protocol"] == "first-frame"
    assert plan["recipe"]["model"]["size"] >= 128
    names = []
    (tmp_path / "base.yaml").write_text((recipes / "base.yaml").read_text())
    for number, own in enumerate(plan["variants"].values()):
        common, variant = tmp_path / "common.yaml", tmp_path / f"{number}.yaml"
        common.write_text(yaml.safe_dump(plan["recipe"]))
        variant.write_text(yaml.safe_dump(own))
        words = [f"--config={variant}", *tiny_training, f"--model.wav2lip={wav2lip}"]
        module = built(common, words)
        names.append((type(module.method.fusion).__name__, module.method.blend))
    assert names == [("DynamicKernel", True), ("DynamicKernel", False), ("SpatialAttention", True)]


def test_no_weights_at_all_is_refused_in_one_line(folder, tiny_training):
    words = [*tiny_training, "--model.speech_encoder=false"]
    with pytest.raises(InputError, match="audio encoder of random weights"):
        built(folder / "paper.yaml", words)
