"""The trainings: who learns from what in each stage, and what checks say."""

import math

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from avfuse import InputError
from avfuse.experts.speakers.network import SpeakerNet, save_speaker_net
from avfuse.methods.everybodys_talkin.examples import all_examples, first_examples
from avfuse.methods.everybodys_talkin.training import (
    ExpressionTraining,
    RendererTraining,
    TogetherTraining,
)
from avfuse.runtime.nest import tensors_of

HEARS, PAINTS, CRITIC = {"id_removing", "translate"}, {"renderer"}, {"discriminator"}
STAGES = [
    (ExpressionTraining, HEARS, {"shape", "expression", "norm"}),
    (RendererTraining, PAINTS | CRITIC, {"pixel", "perceptual", "variation", "penalty"}),
    (TogetherTraining, HEARS | PAINTS | CRITIC, {"shape", "norm", "pixel", "adversarial"}),
]


@pytest.fixture
def make(plan, shapes):
    def make(kind, fitted=True, **options):
        small = {} if kind is ExpressionTraining else {"critic": (4, 4)}
        module = kind(**{**plan, **small, **options})
        if fitted:
            method = module.method
            method.regressed.fit(method.regressed.truth(shapes, method.face.fit(shapes)))
        return module

    return make


def fit(module, batches):
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return trainer.callback_metrics


def part(name):
    """Which network a weight of a training belongs to."""
    return name.removeprefix("method.").partition(".")[0]


@pytest.mark.parametrize(("kind", "learning", "terms"), STAGES)
class TestStages:
    def test_moves_its_networks_and_no_other(self, make, batch, kind, learning, terms):
        module = make(kind)
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        logged = fit(module, [batch] * 2)
        moved = {part(n) for n, p in module.named_parameters() if not torch.equal(p, before[n])}
        assert moved == learning
        assert all(math.isfinite(logged[f"train/{term}"]) for term in terms)

    def test_is_among_the_methods_stages(self, make, batch, kind, learning, terms):
        module = make(kind)
        assert module.stage in module.method.stages
        assert module.trained_method().trained == (module.stage,)

    def test_checks_are_numbers(self, make, batch, kind, learning, terms):
        values = make(kind).eval().checks(batch, "seen")
        wanted = "landmark_error" if kind is ExpressionTraining else "mouth_psnr"
        assert wanted in values
        assert all(v.isfinite() for v in values.values())


def test_expression_learns_one_batch(make, batch):
    module = make(ExpressionTraining, rate=2e-2, norm=0.0)
    before = float(fit(module, [batch])["train/expression"])
    assert fit(module, [batch] * 30)["train/expression"] < 0.6 * before


def test_renderer_learns_one_batch(make, batch):
    module = make(RendererTraining, rate=3e-3, adversarial=0.0, perceptual=0.0)
    flat = batch._replace(video1=torch.full_like(batch.video1, 0.9))
    before = float(fit(module, [flat])["train/pixel"])
    assert fit(module, [flat] * 30)["train/pixel"] < 0.5 * before


def test_pictures_teach_the_ear_only_together(make, batch):
    """The heat maps let gradients through; the renderer's own stage has true landmarks."""
    for kind, reached in ((RendererTraining, False), (TogetherTraining, True)):
        module = make(kind)
        given = first_examples(batch, module.method.face)
        _, spoken = module._spoken(given)
        assert spoken.requires_grad == reached


def test_equation_2_wants_a_voice_that_could_be_anybodys(make, batch, tmp_path):
    """Its gradient lowers the distance to a uniform guess, through a classifier that stays."""
    path = tmp_path / "speakers.safetensors"
    save_speaker_net(SpeakerNet([f"s{i}" for i in range(5)], width=8), path)
    options = {"speakers": str(path), "norm": 1.0, "expression": 0.0, "shape": 0.0, "rate": 1e-2}
    module = make(ExpressionTraining, **options)
    before = float(fit(module, [batch])["train/norm"])
    after = float(fit(module, [batch] * 30)["train/norm"])
    assert math.log(5) - 1e-4 <= after < before
    assert not any(p.requires_grad for p in module.translation.speakers.parameters())


def test_without_id_removing_there_is_no_equation_2(make, batch):
    logged = fit(make(ExpressionTraining, id_removing=False), [batch])
    assert "train/norm" not in logged


def test_another_count_of_cepstra_is_refused(make):
    with pytest.raises(InputError, match="13 cepstra a step, the model 20"):
        make(ExpressionTraining, coefficients=20)


def test_2d_regression_has_no_expression(make, batch):
    logged = fit(make(ExpressionTraining, regress="landmarks"), [batch])
    assert "train/expression" not in logged
    assert math.isfinite(logged["train/shape"])


def test_mean_and_spread_need_clips(make, batch):
    with pytest.raises(InputError, match="no landmarks to find"):
        fit(make(ExpressionTraining, fitted=False), [batch])


def test_examples_are_each_clips_own(make, batch):
    """Of a clip among others the same is fitted as alone."""
    face = make(ExpressionTraining).method.face
    given = all_examples(batch, face)
    assert torch.equal(given.heard, torch.cat([batch.mel1, batch.mel2]))
    alone = face.fit(batch.landmarks2[0])
    frames = slice(2 * batch.landmarks1.shape[1], 3 * batch.landmarks1.shape[1])
    torch.testing.assert_close(given.fit.expression[frames], alone.expression)
    torch.testing.assert_close(given.fit.camera.translation[frames], alone.camera.translation)
    assert all(len(t) == given.fit.expression.shape[0] for t in tensors_of(given.fit))


def test_clips_are_edited_from_pictures_and_sound(make, batch):
    module = make(TogetherTraining).eval()
    with torch.no_grad():
        made = module.edited(batch.video1, batch.landmarks1, batch.mel2)
        inside = made.mask[:, 0] > 0.99
    assert made.image.shape == (6, 3, 32, 32)
    given = batch.video1.flatten(0, 1)
    outside = (made.mask == 0).expand_as(given)
    assert torch.equal(made.image[outside], given[outside])
    assert inside.any()
