"""The training of every fusion strategy: folds time, sums named losses, logs, optimises."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torchmetrics import Metric, PearsonCorrCoef

from avfuse.fusion.base import FusionFactory
from avfuse.geometry.lips import lip_aperture
from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.methods.dynamic_kernels.generator import Generator, Motion
from avfuse.training import losses
from avfuse.training.adversarial import descend, frozen, has_begun
from avfuse.training.base import SPLITS, Training
from avfuse.training.checks import mouth_checks
from avfuse.training.discriminators import PatchDiscriminator
from avfuse.types import LIP_UNIT, Batch, Condition, Generated

PATCH = 64
"""Pixels a side of the mouth patches that the discriminator sees."""


class TalkingFace(Training):
    """The paper's model and training (IV-B) for any fusion strategy.

    Each batch of pairs is used both ways: f(V1, A2) -> V2 and f(V2, A1) -> V1 (eq. 3). Since the
    two differ in the mouth only, the discriminator (eq. 4) looks at the mouth.

    Args:
        fusion: how sound gets in. It has no default, here or anywhere: set it in one place.
        channels: of the pyramid, fine to coarse.
        blocks: residual blocks a level, fine to coarse.
        blend: eq. 7, or the motion image itself (w/o blending).
        motion: what the motion image is made of, as of [`Generator`][avfuse.Generator].
        mel_steps: mel steps the audio encoder hears around a frame.
        audio_width: width of the audio encoder; 32 is Wav2Lip's.
        size: pixels a side that it is trained for.
        weights: a model to start from, by name or file, instead of from nothing; built alike.
        wav2lip: a Wav2Lip checkpoint to start the audio encoder from.
        rate: learning rate of the generator.
        discriminator_rate: learning rate of the discriminator.
        weight_decay: of the generator (AdamW).
        warmup: steps over which the learning rate rises.
        reconstruction: λ_rec of eq. 5.
        adversarial: weight of the adversarial loss.
        adversarial_start: training steps before it begins: there is nothing to tell apart while
            the output is still nearly the input.
        mask: weight of the attention mask's regulariser.
        mask_region: where the mask costs nothing: a `blob` around the target's mouth, or mouth and
            chin as the landmarks of both outline them, `outline`.
        mouth: extra weight of the mouth's pixels in the reconstruction.
        opening: extra weight of what shows between the lips.
        edges: weight of the mouth's edges beside its pixels.
        texture: weight of the mouth's roughness: teeth and lips as crisp as real ones.
        motion_weight: of the motion image's own reconstruction around the mouth, beside the
            blend's. Without it the mask closes before M is any good, and M then never learns.
        flow: weight of the flow at the landmarks of jaw and lips, in pixels of a crop.
        lips: weight of the lip shape, predicted from the audio feature by a linear map that is
            only there in training; it teaches the encoder what of the sound shows.
    """

    method: Generator

    def __init__(
        self,
        fusion: FusionFactory,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] | None = None,
        blend: bool = True,
        motion: Motion = "flow",
        mel_steps: int = 16,
        audio_width: int = 32,
        size: int = 256,
        weights: str | None = None,
        wav2lip: str | None = None,
        rate: float = 5e-4,
        discriminator_rate: float = 2e-4,
        weight_decay: float = 0.01,
        warmup: int = 200,
        reconstruction: float = 10.0,
        adversarial: float = 1.0,
        adversarial_start: int = 0,
        mask: float = 1.0,
        mask_region: Literal["blob", "outline"] = "blob",
        mouth: float = 4.0,
        opening: float = 4.0,
        edges: float = 0.5,
        texture: float = 1.0,
        motion_weight: float = 1.0,
        flow: float = 0.1,
        lips: float = 1.0,
    ) -> None:
        generator = Generator(
            fusion,
            channels=channels,
            blocks=blocks,
            blend=blend,
            motion=motion,
            mel_steps=mel_steps,
            audio_width=audio_width,
            size=size,
        )
        super().__init__(generator.to(memory_format=torch.channels_last), weights)
        self.save_hyperparameters(ignore=["fusion"])
        if wav2lip is not None:
            self.method.audio.load_wav2lip(wav2lip)
        self.discriminator = PatchDiscriminator()
        self.lips = nn.Linear(self.method.audio.dim, 40)
        self.apertures = nn.ModuleDict({split: PearsonCorrCoef() for split in SPLITS})

    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """Make every frame speak its mel window. Frames fold: outputs are (N, ...), N = B·T."""
        return self.method(_fold(video), self.method.condition(mel).fold())

    def training_step(self, batch: Batch, batch_index: int) -> None:
        target, landmarks = _targets(batch)
        audio = self.method.listen(torch.cat([batch.mel2, batch.mel1]))
        condition = self.method.fusion.prepare(Condition(audio))
        source = _fold(torch.cat([batch.video1, batch.video2]))
        generated = self.method(source, condition.fold())
        fake = losses.mouth_patch(generated.image, landmarks, PATCH)
        real = losses.mouth_patch(target, landmarks, PATCH)
        terms = self._supervision(batch, generated, audio, target, fake, real)
        generator, discriminator = cast("list[LightningOptimizer]", self.optimizers())
        h = self.hparams
        adversary = bool(h["adversarial"]) and has_begun(self, h["adversarial_start"])
        if adversary:
            with frozen(self.discriminator):
                score = losses.adversarial_generator(self.discriminator(fake))
                terms["adversarial"] = h["adversarial"] * score
        descend(self, generator, torch.stack(list(terms.values())).sum(), clip=1.0)
        if adversary:
            scores = self.discriminator(torch.cat([real, fake.detach()])).chunk(2)
            terms["discriminator"] = losses.adversarial_discriminator(*scores)
            descend(self, discriminator, terms["discriminator"], clip=1.0)
        schedules = cast("list[LRScheduler]", self.lr_schedulers())
        for schedule in schedules[: 1 + adversary]:  # one that does not step has no schedule
            schedule.step()
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def _supervision(
        self,
        batch: Batch,
        generated: Generated,
        audio: Tensor,
        target: Tensor,
        fake: Tensor,
        real: Tensor,
    ) -> dict[str, Tensor]:
        """Every loss but the adversarial one, weighted, by name."""
        h = self.hparams
        before, landmarks = _both_ways(batch)
        near = losses.mouth_map(landmarks, *target.shape[-2:])
        heard = self.lips(audio.flatten(0, 1))
        seen = torch.cat([batch.lips2, batch.lips1]).flatten(0, 1).flatten(1)
        lips = F.smooth_l1_loss(heard.float(), seen / LIP_UNIT)
        mouth = h["mouth"] * near + h["opening"] * losses.opening_map(landmarks, *target.shape[-2:])
        rec = losses.reconstruction(generated.image, target, 1 + mouth)
        motion = losses.reconstruction(generated.motion, target, mouth)
        allowed = near
        if h["mask_region"] == "outline":
            size = target.shape[-2:]
            allowed = torch.maximum(mouth_mask(before, *size), mouth_mask(landmarks, *size))
        mask = losses.mask_size(generated.mask, allowed) + losses.mask_smoothness(generated.mask)
        own = self.method.fusion.losses(generated.aux, batch)
        return {
            "reconstruction": h["reconstruction"] * rec,
            "motion": h["reconstruction"] * h["motion_weight"] * motion,
            "mask": h["mask"] * mask,
            "edges": h["reconstruction"] * h["edges"] * losses.edges(fake, real),
            "texture": h["reconstruction"] * h["texture"] * losses.texture(fake, real),
            **self._flow(generated.flow, before, landmarks),
            "lips": h["lips"] * lips,
            **own,
        }

    def _flow(self, flow: Tensor | None, before: Tensor, after: Tensor) -> dict[str, Tensor]:
        if flow is None:
            return {}
        moved = losses.displacement(flow, before, after)
        return {"flow": self.hparams["flow"] * (moved + losses.flow_smoothness(flow))}

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """Scores of the mouth, whether its lips were heard, and how much of the crop changed."""
        target, landmarks = _targets(batch)
        audio = self.method.listen(torch.cat([batch.mel2, batch.mel1]))
        condition = self.method.fusion.prepare(Condition(audio))
        source = _fold(torch.cat([batch.video1, batch.video2]))
        generated = self.method(source, condition.fold())
        heard = self.lips(audio.flatten(0, 1)).unflatten(1, (20, 2)) * LIP_UNIT
        seen = torch.cat([batch.lips2, batch.lips1]).flatten(0, 1)
        aperture = cast(Metric, self.apertures[split])
        aperture.update(lip_aperture(heard.float()), lip_aperture(seen))
        return {
            **mouth_checks(generated.image, source, target, landmarks, PATCH),
            "lips_heard": aperture,
            "mask": generated.mask.mean(),
        }

    def configure_optimizers(self) -> tuple[list[Any], list[Any]]:
        h = self.hparams
        own = [*self.method.parameters(), *self.lips.parameters()]
        generator = torch.optim.AdamW(own, h["rate"], (0.5, 0.99), weight_decay=h["weight_decay"])
        adversary = torch.optim.AdamW(
            self.discriminator.parameters(), h["discriminator_rate"], (0.5, 0.99), weight_decay=0.0
        )
        schedules = [
            LambdaLR(o, lambda step: min(1.0, (step + 1) / max(1, h["warmup"])))
            for o in (generator, adversary)
        ]
        return [generator, adversary], schedules


def _fold(video: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "N 3 H W"]:
    """Fold time; channels last in memory, in which convolutions are fastest on CPUs and GPUs."""
    return video.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _targets(batch: Batch) -> tuple[Tensor, Tensor]:
    """Targets and their landmarks for both ways of a pair, folded: V2 first, then V1."""
    return _fold(torch.cat([batch.video2, batch.video1])), _both_ways(batch)[1]


def _both_ways(batch: Batch) -> tuple[Tensor, Tensor]:
    """Landmarks of sources and of targets, folded, in the order of `_targets`."""
    one, other = batch.landmarks1.flatten(0, 1), batch.landmarks2.flatten(0, 1)
    return torch.cat([one, other]), torch.cat([other, one])
