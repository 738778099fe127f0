"""The LightningModule: what a step does, and what its options can never do."""

import functools
import inspect
import math

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from avfuse import Batch, DynamicKernel, Generated, Generator, InputError, NoFusion, TalkingFace
from avfuse.methods.dynamic_kernels import training
from avfuse.training.losses import mouth_map

SIZE = 32


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


COMPACT = functools.partial(DynamicKernel, layers=1, rank=2)


def small(fusion=COMPACT, **options):
    plan = {"channels": (4, 6, 8), "audio_width": 2, "size": SIZE, "warmup": 1, **options}
    return TalkingFace(fusion, **plan)


def faces(count, time):
    """Landmarks of mouths around the middle, each a little elsewhere."""
    points = torch.rand(count, time, 68, 2) * SIZE
    points[..., 48:, :] = SIZE / 2 + torch.rand(count, time, 20, 2)
    points[..., 48, 0], points[..., 54, 0] = SIZE / 2 - 6, SIZE / 2 + 6
    return points


def batch(count=2, time=1):
    def video():
        return torch.rand(count, time, 3, SIZE, SIZE)

    def lips():
        return torch.randn(count, time, 20, 2) * 0.05

    mel = torch.randn(2, count, time, 80, 16)
    points = faces(count, time)
    return Batch(video(), video(), mel[0], mel[1], points, points.clone(), lips(), lips())


def fit(module, batches, **options):
    """Real steps by Lightning's own trainer."""
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module, DataLoader(batches, batch_size=None))
    return trainer


def snapshot(module):
    return {name: p.detach().clone() for name, p in module.named_parameters()}


class TestStep:
    def test_moves_generator_and_discriminator(self):
        module = small()
        before = snapshot(module)
        trainer = fit(module, [batch()] * 2)
        for name, parameter in module.named_parameters():
            assert not torch.equal(parameter, before[name]), name
        logged = trainer.callback_metrics
        for name in ("reconstruction", "mask", "edges", "lips", "adversarial", "discriminator"):
            assert math.isfinite(logged[f"train/{name}"])

    def test_without_the_adversary_it_stays_as_it_is(self):
        module = small(adversarial=0.0)
        before = snapshot(module)
        trainer = fit(module, [batch()])
        for name, parameter in module.discriminator.named_parameters():
            assert torch.equal(parameter, before[f"discriminator.{name}"])
        assert "train/adversarial" not in trainer.callback_metrics

    @pytest.mark.parametrize("blend", [True, False])
    def test_learns_one_batch(self, blend):
        module = small(blend=blend, adversarial=0.0, rate=3e-3)
        same = batch()

        def error():
            with torch.no_grad():
                image = module.eval()(same.video1, same.mel2).image
            module.train()
            return (image - same.video2.flatten(0, 1)).abs().mean()

        fit(module, [same])  # settles the norms' statistics
        before = error()
        fit(module, [same] * 40)
        assert error() < before

    def test_rate_warms_up(self):
        module = small(warmup=4, rate=1e-3)
        trainer = fit(module, [batch()] * 2)
        rates = [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]
        assert rates == pytest.approx([1e-3 * 3 / 4, 2e-4 * 3 / 4])

    def test_both_ways_of_a_pair_are_used(self, monkeypatch):
        """Each of the batch's videos, mels and lip shapes makes a difference to the losses."""
        module = small(adversarial=0.0).eval()

        def losses(changed):
            terms = {}
            monkeypatch.setattr(
                training, "descend", lambda _, __, loss, **___: terms.update(total=loss.detach())
            )
            module.optimizers = lambda: (None, None)
            module.lr_schedulers = lambda: ()
            module.log_dict = lambda *_, **__: None
            module.training_step(changed, 0)
            return terms["total"]

        given = batch()
        base = losses(given)
        assert losses(given) == base
        for name in ("video1", "video2", "mel1", "mel2", "lips1", "lips2"):
            changed = given._replace(**{name: getattr(given, name).flip(-1)})
            assert losses(changed) != base, name
        swapped = Batch(*(given[i] for i in (1, 0, 3, 2, 5, 4, 7, 6)))
        torch.testing.assert_close(losses(swapped), base)

    def test_a_strategys_own_losses_count(self):
        class Own(NoFusion):
            def losses(self, aux, batch):
                return {"own": self.middle[0][0].weight.square().mean()}

        trainer = fit(small(Own), [batch()])
        assert trainer.callback_metrics["train/own"] > 0

    def test_the_mask_is_free_within_blob_or_outline(self):
        """Two regions, two values of the regulariser."""
        values = {}
        for region in ("blob", "outline"):
            torch.manual_seed(0)
            trainer = fit(small(mask_region=region, adversarial=0.0), [batch()])
            values[region] = float(trainer.callback_metrics["train/mask"])
        assert values["blob"] != pytest.approx(values["outline"], rel=1e-3)


class TestTime:
    def test_three_frames_are_three_single_ones(self):
        module = small().eval()
        clip = batch(count=2, time=3)
        together = module(clip.video1, clip.mel2).image
        alone = [module(clip.video1[:, t : t + 1], clip.mel2[:, t : t + 1]).image for t in range(3)]
        torch.testing.assert_close(together, torch.stack(alone, 1).flatten(0, 1))

    def test_trains_on_clips(self):
        fit(small(), [batch(count=1, time=3)])


class TestValidation:
    @staticmethod
    def metrics(module, batches):
        trainer = Trainer(
            accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        loaders = [DataLoader([b], batch_size=None) for b in batches]
        trainer.validate(module, loaders, verbose=False)
        return {k: float(v) for k, v in trainer.callback_metrics.items()}

    def test_a_perfect_model(self):
        module = small()
        still = batch(count=3)
        still = still._replace(video2=still.video1, landmarks2=still.landmarks1)
        module.method.forward = _copying
        metrics = self.metrics(module, [still])
        assert metrics["val/seen/mouth_psnr"] == pytest.approx(100)
        assert metrics["val/seen/gain"] == pytest.approx(0)
        assert metrics["val/seen/sharpness"] == pytest.approx(1)

    def test_psnr_of_a_known_error(self):
        module = small()
        still = batch(count=3)
        still = still._replace(video1=still.video1 * 0.5, landmarks2=still.landmarks1)
        still = still._replace(video2=still.video1 + 0.1)
        module.method.forward = _copying
        metrics = self.metrics(module, [still])
        assert metrics["val/seen/mouth_psnr"] == pytest.approx(20, abs=1e-2)
        assert metrics["val/seen/gain"] == pytest.approx(0, abs=1e-4)

    def test_only_the_mouth_counts(self):
        module = small()
        still = batch(count=1)
        far = mouth_map(still.landmarks1.flatten(0, 1), SIZE, SIZE).unsqueeze(1) < 1e-6
        still = still._replace(landmarks2=still.landmarks1)
        still = still._replace(video2=torch.where(far, 0.0, still.video1))
        module.method.forward = _copying
        assert self.metrics(module, [still])["val/seen/mouth_psnr"] > 60

    def test_the_second_loader_holds_unseen_speakers(self):
        metrics = self.metrics(small(), [batch(count=3), batch(count=3)])
        assert {name.rsplit("/", 1)[0] for name in metrics} == {"val/seen", "val/unseen"}


def _copying(image, condition):
    """A generator that leaves every picture as it is."""
    nothing = torch.zeros_like(image)
    return Generated(image, nothing[:, :1], image, nothing[:, :2], {})


@pytest.mark.parametrize("network", [TalkingFace, Generator])
def test_fusion_has_no_default(network):
    parameter = inspect.signature(network).parameters["fusion"]
    assert parameter.default is inspect.Parameter.empty


def test_training_starts_from_a_model_file(model, generator):
    shape = {"channels": (4, 4, 8, 8, 8), "audio_width": 2, "size": 64, "weights": str(model)}
    module = TalkingFace(functools.partial(DynamicKernel, layers=2, rank=2), **shape)
    given, taken = generator.state_dict(), module.method.state_dict()
    assert all(torch.allclose(taken[k], given[k], atol=2e-3) for k in given)
    with pytest.raises(InputError, match=r"built otherwise: fusion\.layers is 2, here 3"):
        TalkingFace(functools.partial(DynamicKernel, layers=3, rank=2), **shape)
