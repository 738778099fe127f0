"""The trainings: who learns from what in each stage, and what is found before the first step."""

import math

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from avfuse import InputError
from avfuse.methods.live_speech_portraits.data import PersonTakes, portrait, spoken
from avfuse.methods.live_speech_portraits.footage import meet
from avfuse.methods.live_speech_portraits.speech_data import Utterances
from avfuse.methods.live_speech_portraits.training import (
    MouthTraining,
    PoseTraining,
    RendererTraining,
    SpeechTraining,
)

CRITIC = {"critic": (4, 4), "scales": 1}


@pytest.fixture
def make(plan, takes):
    def make(kind, met=True, **options):
        module = kind(**{**plan, **(CRITIC if kind is RendererTraining else {}), **options})
        if met and kind is not SpeechTraining:
            meet(module.method, takes)
        return module

    return make


@pytest.fixture
def batch(takes):
    """Makes a batch of a stage's kind."""

    def batch(module):
        if isinstance(module, SpeechTraining):
            return Utterances(torch.stack([take.mel.T[:100] for take in takes]))
        if isinstance(module, RendererTraining):
            parts = [portrait(module.method, takes[0], number) for number in range(2)]
            return type(parts[0])(*(torch.cat(part) for part in zip(*parts, strict=True)))
        return spoken(module.method.eval(), takes[0])

    return batch


def fit(module, batches, **options):
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return trainer.callback_metrics


STAGES = [
    (SpeechTraining, {"method.speech", "predict"}, {"predictive"}),
    (MouthTraining, {"method.mouth"}, {"displacement"}),
    (PoseTraining, {"method.pose"}, {"pose"}),
    (
        RendererTraining,
        {"method.renderer", "critic"},
        {"colour", "fooling", "matching", "critical"},
    ),
]


def part(name):
    """Which network a weight of a training belongs to."""
    pieces = name.split(".")
    return ".".join(pieces[: 2 if pieces[0] == "method" else 1])


@pytest.mark.parametrize(("kind", "learning", "terms"), STAGES)
class TestStages:
    def test_moves_its_networks_and_no_other(self, make, batch, kind, learning, terms):
        module = make(kind)
        given = batch(module)
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        logged = fit(module, [given] * 2)
        moved = {part(n) for n, p in module.named_parameters() if not torch.equal(p, before[n])}
        assert moved == learning
        assert all(math.isfinite(logged[f"train/{term}"]) for term in terms)

    def test_is_among_the_methods_stages(self, make, kind, learning, terms):
        module = make(kind)
        assert module.stage in module.method.stages
        assert module.trained_method().trained == (module.stage,)

    def test_checks_are_numbers(self, make, batch, kind, learning, terms):
        module = make(kind).eval()
        assert all(v.isfinite() for v in module.checks(batch(module), "seen").values())


@pytest.mark.parametrize(
    ("kind", "term", "rate", "share"),
    [
        (SpeechTraining, "predictive", 1e-2, 0.8),
        (MouthTraining, "displacement", 1e-2, 0.95),
        (PoseTraining, "pose", 1e-2, 0.8),
        (RendererTraining, "colour", 3e-3, 0.9),
    ],
)
def test_learns_one_batch(make, batch, kind, term, rate, share):
    options = {"adversarial": 0.0, "perceptual": 0.0} if kind is RendererTraining else {}
    module = make(kind, rate=rate, **options)
    given = batch(module)
    before = float(fit(module, [given])[f"train/{term}"])
    assert float(fit(module, [given] * 60)[f"train/{term}"]) < share * before


def test_the_rate_falls_to_a_tenth(make, batch):
    module = make(MouthTraining)
    rates = []
    module.on_train_epoch_end = lambda: rates.append(module.optimizers().param_groups[0]["lr"])
    trainer = Trainer(
        accelerator="cpu", max_epochs=3, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader([batch(module)], batch_size=None))
    assert rates == pytest.approx([1e-4, 5.5e-5, 1e-5])


def test_mouth_is_told_d_frames_later(make, batch):
    """What it says of frame t depends on sound up to t + d, and on no later."""
    module = make(MouthTraining).eval()
    given = batch(module)
    later = given._replace(said=given.said.clone())
    later.said[:, 20:] += 1
    ahead = module.method.ahead
    same = (module.predicted(given) == module.predicted(later)).all(2)[0]
    assert same[: 20 - ahead].all()
    assert not same[20 - ahead]


def test_a_passage_is_what_streams(make, takes):
    """Trained on is what generation hears: the same representations, but for a step in 400."""
    module = make(MouthTraining)
    method = module.method.eval()
    given = spoken(method, takes[0])
    assert given.said.shape[1] == given.mouth.shape[1] + method.ahead
    assert given.numbers.shape[1:] == (given.mouth.shape[1], 12)


def test_pose_is_foretold_by_what_was_alone(make, batch):
    module = make(PoseTraining).eval()
    given = batch(module)
    other = given._replace(numbers=given.numbers.clone())
    other.numbers[:, -1] += 1  # the last is told of, and tells nothing
    one, two = (
        module.method.pose(b.numbers[:, :-1], b.said[:, 1 : b.numbers.shape[1]])[0]
        for b in (given, other)
    )
    torch.testing.assert_close(one.mean, two.mean)
    assert module.checks(given, "seen") != module.checks(other, "seen")


def test_a_person_is_met_before_the_first_step(make, batch, takes, tmp_path):
    module = make(MouthTraining, met=False)
    assert not int(module.method.person.count)
    with pytest.raises(InputError, match="no footage"):
        module.fitted(None)
    data = PersonTakes(str(tmp_path))
    data.train = takes
    module.fitted(data)
    assert int(module.method.person.count)
    face = module.method.person.face.clone()
    data.train = takes[:1]
    module.fitted(data)  # they are known: a checkpoint brought them
    assert torch.equal(module.method.person.face, face)


def test_portraits_show_what_was_filmed(make, takes):
    method = make(RendererTraining).method
    given = portrait(method, takes[0], 3)
    assert torch.equal((given.images[0] * 255).round().byte(), takes[0].picture(3).movedim(-1, 0))
    assert given.maps.shape == (1, 1, 64, 64)
    assert not torch.equal(given.maps, portrait(method, takes[0], 12).maps)


def test_forward_draws_what_windows_say(make):
    module = make(RendererTraining).eval()
    windows = torch.randn(2, 3, 80, module.method.hears.steps)
    made = module(torch.zeros(2, 3, 3, 64, 64), windows)
    assert made.image.shape == (6, 3, 64, 64)
    assert (made.mask == 1).all()
