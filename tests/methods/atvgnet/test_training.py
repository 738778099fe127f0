"""ATVGnet's training: who learns from what, and what its options change."""

import math

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from avfuse import Batch, InputError
from avfuse.data.datamodule import TalkingClips
from avfuse.methods.atvgnet.sequences import sequences
from avfuse.methods.atvgnet.training import ATVGnetTraining

SIZE, TIME = 32, 3


@pytest.fixture
def make(shapes):
    def make(fitted=True, **options):
        plan = {"channels": (4, 4, 6, 6, 8), "blocks": 1, "audio_width": 2, "mel_steps": 8}
        module = ATVGnetTraining(**{**plan, "size": SIZE, **options})
        if fitted:
            module.method.shape.fit(shapes)
        return module

    return make


@pytest.fixture
def batch(shapes):
    points = shapes[: 4 * TIME].unflatten(0, (2, 2, TIME))
    video, mel = torch.rand(2, 2, TIME, 3, SIZE, SIZE), torch.randn(2, 2, TIME, 80, 8)
    lips = torch.zeros(2, 2, TIME, 20, 2)
    return Batch(*video, *mel, *points, *lips)


def fit(module, batches):
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return trainer


class TestStep:
    def test_moves_all_networks(self, make, batch):
        module = make()
        before = {name: p.detach().clone() for name, p in module.named_parameters()}
        logged = fit(module, [batch] * 2).callback_metrics
        for name, parameter in module.named_parameters():
            assert not torch.equal(parameter, before[name]), name
        for name in ("shape", "pixel", "adversarial", "regression", "discriminator"):
            assert math.isfinite(logged[f"train/{name}"])

    def test_the_motion_image_may_learn_behind_a_closed_mask(self, make, batch):
        """Where the mask is shut, eq. 9 tells the motion image nothing."""

        def gradient(**options):
            module = make(**options)
            head = module.method.vg_net.decode[-1]
            with torch.no_grad():
                head.bias[3] = -100.0  # α is 0 everywhere
            given = sequences(batch)
            predicted, _ = module.method.predict(given.mel, given.still)
            painted = module._painted(given, predicted)
            terms = module._supervision(given, predicted, painted)
            sum(terms.values()).backward()
            return head.weight.grad[:3].abs().sum()

        assert gradient() == 0
        assert gradient(motion_weight=3.0) > 0

    def test_learns_one_batch(self, make, batch):
        """The pixels by plain L1: eq. 9 also rises where the network begins to look."""
        module = make(rate=3e-3, adversarial=0.0, regression=0.0, attention=0.0, base=1.0)
        dark, bright = (torch.full_like(batch.video1, v) for v in (0.2, 0.8))
        batch = batch._replace(video1=dark, video2=bright)
        before = {k: float(v) for k, v in fit(module, [batch]).callback_metrics.items()}
        logged = fit(module, [batch] * 40).callback_metrics
        assert logged["train/pixel"] < 0.7 * before["train/pixel"]
        assert logged["train/shape"] < 0.9 * before["train/shape"]

    def test_the_discriminator_may_begin_later(self, make, batch):
        module = make(adversarial_start=2)
        before = [p.clone() for p in module.discriminator.parameters()]
        logged = fit(module, [batch] * 2).callback_metrics
        assert all(map(torch.equal, module.discriminator.parameters(), before))
        assert "train/adversarial" not in logged

    def test_uses_pairs_both_ways(self, batch):
        given = sequences(batch)
        assert torch.equal(given.image, torch.stack([*batch.video1[:, 0], *batch.video2[:, 0]]))
        assert torch.equal(given.video, torch.stack([*batch.video2, *batch.video1]))
        assert torch.equal(given.mel[:2], batch.mel2)
        assert torch.equal(given.landmarks[:2], batch.landmarks2)
        assert torch.equal(given.still[:2], batch.landmarks1[:, 0])


class TestWhoLearnsFromWhat:
    @staticmethod
    def gradients(module, batch, term):
        """Of which networks a term of the losses has gradients."""
        given = sequences(batch)
        predicted, _ = module.method.predict(given.mel, given.still)
        painted = module._painted(given, predicted)
        terms = module._supervision(given, predicted, painted)
        terms |= module._persuasion(given, painted)
        terms |= module._judgement(given, painted.image.detach())
        module.zero_grad()
        terms[term].backward()
        parts = {"at": module.method.at_net, "vg": module.method.vg_net,
                 "critic": module.discriminator}  # fmt: skip
        return {
            name for name, part in parts.items()
            if any(p.grad is not None and p.grad.any() for p in part.parameters())
        }  # fmt: skip

    def test_decoupled(self, make, batch):
        """Teacher forcing: pictures teach VG-net, landmarks AT-net, and neither the other."""
        module = make()
        assert self.gradients(module, batch, "pixel") == {"vg"}
        assert self.gradients(module, batch, "shape") == {"at"}
        assert self.gradients(module, batch, "discriminator") == {"critic"}
        assert self.gradients(module, batch, "discriminator_regression") == {"critic"}

    def test_end_to_end(self, make, batch):
        assert self.gradients(make(teacher_forcing=False), batch, "pixel") == {"at", "vg"}

    def test_true_landmarks_drive_the_pictures_only_with_teacher_forcing(self, make, batch):
        for forced in (True, False):
            module = make(teacher_forcing=forced).eval()
            given = sequences(batch)
            predicted, _ = module.method.predict(given.mel, given.still)
            image = module._painted(given, predicted).image
            louder, _ = module.method.predict(given.mel * 3, given.still)
            same = torch.equal(module._painted(given, louder).image, image)
            assert same == forced

    def test_the_generators_step_leaves_the_critic_alone(self, make, batch):
        module = make()
        module.discriminator.requires_grad_(False)
        given = sequences(batch)
        painted = module._painted(given, torch.empty(0))  # with true landmarks none are predicted
        sum(module._persuasion(given, painted).values()).backward()
        assert all(p.grad is None for p in module.discriminator.parameters())
        assert any(p.grad is not None for p in module.method.vg_net.parameters())

    def test_the_critics_landmarks_learn_from_real_frames_only(self, make, batch):
        module = make().eval()
        given = sequences(batch)
        found = [
            module._judgement(given, fake)["discriminator_regression"]
            for fake in (torch.zeros_like(given.video), torch.ones_like(given.video))
        ]
        assert torch.equal(*found)


class TestComponents:
    def test_are_fitted_to_the_data_before_the_first_step(self, make, batch, shapes):
        module = make(fitted=False)

        class Data(TalkingClips):
            def landmarks(self):
                return shapes.numpy()

        module.fitted(Data(synthetic=2))
        expected = make().method.shape
        assert torch.equal(module.method.shape.basis, expected.basis)

    def test_are_kept_where_a_checkpoint_brought_them(self, make, batch):
        module = make()
        before = module.method.shape.mean.clone()
        fit(module, [batch])
        assert torch.equal(module.method.shape.mean, before)

    def test_need_landmarks(self, make, batch):
        with pytest.raises(InputError, match="no landmarks to fit"):
            fit(make(fitted=False), [batch])


def test_checks(make, batch):
    values = make().eval().checks(batch, "seen")
    assert set(values) == {
        "mouth_psnr", "gain", "sharpness", "taught_psnr", "mouth_distance", "mask"
    }  # fmt: skip
    assert all(v.isfinite() for v in values.values())


def test_a_clip_speaks_from_its_first_frame(make, batch):
    """As `TalkingFace.forward`: frames and mel windows in, folded pictures out."""
    module = make().eval()
    with torch.no_grad():
        generated = module(batch.video1, batch.mel2)
        other = module(batch.video1.roll(0, 1), batch.mel2)
    assert generated.image.shape == (2 * TIME, 3, SIZE, SIZE)
    assert generated.flow is None
    assert torch.equal(other.image, generated.image)
