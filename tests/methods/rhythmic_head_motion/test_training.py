"""The trainings: who learns from what in each stage, and what checks say."""

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader, default_collate

from avfuse.methods.rhythmic_head_motion.data import (
    Drawing,
    Moved,
    MovingHeads,
    Said,
    SaidFrames,
    Shown,
    ShownHeads,
)
from avfuse.methods.rhythmic_head_motion.head import canonical
from avfuse.methods.rhythmic_head_motion.terms import given_of
from avfuse.methods.rhythmic_head_motion.training import (
    ExpressionTraining,
    GeneratorTraining,
    MotionTraining,
    TogetherTraining,
)

STAGES = [
    (ExpressionTraining, {"expression"}, SaidFrames, "landmark_error"),
    (MotionTraining, {"motion"}, MovingHeads, "motion"),
    (GeneratorTraining, {"generator", "critic"}, ShownHeads, "psnr"),
    (TogetherTraining, {"generator", "critic", "expression"}, ShownHeads, "psnr"),
]


@pytest.fixture(scope="module")
def batches(head):
    """Two samples of each kind."""
    drawing = Drawing(2, 12, 64, 8, 3, 0, 0.0)

    def of(kind):
        samples = kind([head], [1.0], drawing)
        batch = default_collate([samples[number] for number in range(2)])
        if not isinstance(batch, Shown):
            return batch
        return batch._replace(
            **{k: getattr(batch, k) / 255 for k in ("target", "images", "projected")}
        )

    return {kind: of(kind) for kind in (SaidFrames, MovingHeads, ShownHeads)}


@pytest.fixture
def make(plan):
    def make(kind, **options):
        small = {"critic": (4, 4), "scales": 1} if issubclass(kind, GeneratorTraining) else {}
        return kind(**{**plan, **small, **options})

    return make


def fit(module, batches):
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.parametrize(("kind", "learning", "data", "check"), STAGES)
class TestStages:
    def test_moves_its_networks_and_no_other(self, make, batches, kind, learning, data, check):
        module = make(kind)
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        fit(module, [batches[data]] * 2)
        moved = {
            name.removeprefix("method.").partition(".")[0]
            for name, p in module.named_parameters()
            if not torch.equal(p, before[name])
        }
        assert moved == learning
        assert module.stage in module.method.stages
        assert module.trained_method().trained == (module.stage,)

    @torch.no_grad()
    def test_checks_are_numbers(self, make, batches, kind, learning, data, check):
        values = make(kind).eval().checks(batches[data], "seen")
        assert check in values
        assert all(value.isfinite() for value in values.values())


def test_expression_learns_one_batch(make, batches):
    module = make(ExpressionTraining, rate=5e-3)
    before = fit(module, [batches[SaidFrames]])["train/expression"]
    assert fit(module, [batches[SaidFrames]] * 40)["train/expression"] < 0.6 * before


def test_generator_learns_one_batch(make, batches):
    options = {"rate": 5e-3, "adversarial": 0.0, "perceptual": 0.0, "pixel": 10.0}
    module = make(GeneratorTraining, **options)
    before = fit(module, [batches[ShownHeads]])["train/pixel"]
    assert fit(module, [batches[ShownHeads]] * 40)["train/pixel"] < 0.6 * before


def test_together_is_drawn_by_what_the_sound_says(make, batches):
    """The generator's own stage knows the true landmarks."""
    batch = batches[ShownHeads]
    louder = batch._replace(heard=batch.heard + 1)
    for kind, same in ((GeneratorTraining, True), (TogetherTraining, False)):
        module = make(kind)
        points = [module.landmarks(b) for b in (batch, louder)]
        assert torch.equal(*points) == same


@torch.no_grad()
def test_a_perfect_ear_has_no_error(make):
    module = make(ExpressionTraining).eval()
    heard, identity = torch.randn(3, 80, 22), torch.randn(3, 60)
    said = Said(heard, identity, module.method.expression(heard, identity))
    checks = module.checks(said, "seen")
    assert checks["landmark_error"] == 0
    still = canonical(identity, 0 * said.expression) - canonical(identity, said.expression)
    torch.testing.assert_close(checks["landmark_error_still"], 100 * still.abs().mean())


@torch.no_grad()
def test_motion_is_checked_beside_others_and_none(make):
    module = make(MotionTraining).eval()
    mean = torch.zeros(2, 8, 6)
    moved = Moved(mean, torch.randn(2, 8, 80, 22), mean[:, :5] + 1, torch.randn(2, 5, 80, 22))
    checks = module.checks(moved, "seen")
    wanted = (1 / module.method.motion.spread).mean()
    torch.testing.assert_close(checks["motion_mean"], wanted)
    assert checks["motion"] != checks["motion_of_others"]


@torch.no_grad()
def test_frames_are_given_as_at_use(make, batches):
    """The first of the guides is the mesh, the last the matched reference."""
    module, batch = make(GeneratorTraining), batches[ShownHeads]
    given = given_of(module.method, batch, batch.points)
    assert torch.equal(given.guides[0].image, batch.projected)
    for number, which in enumerate(batch.matched.tolist()):
        assert torch.equal(given.guides[1].image[number], batch.images[number, which])
    flat = given_of(make(GeneratorTraining, space=False).method, batch, batch.points)
    assert len(flat.guides) == 1


@torch.no_grad()
def test_clips_are_met_and_spoken(make, filmed):
    module = make(TogetherTraining).eval()
    frames = torch.from_numpy(filmed.frames[:4, 16:80, 16:80]).movedim(-1, 1)[None] / 255
    made = module(frames, torch.randn(1, 4, 80, 22))
    assert made.image.shape == (4, 3, 64, 64)
