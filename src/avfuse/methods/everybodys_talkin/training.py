"""The trainings of Everybody's Talkin': audio to expression, the renderer, and both together."""

from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from lightning import LightningDataModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torchmetrics import Metric

from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.faces.crops import read_landmarks
from avfuse.geometry.face_model import read_face_model
from avfuse.layers.warp import blend
from avfuse.methods.everybodys_talkin.clips import cropped
from avfuse.methods.everybodys_talkin.examples import Examples, all_examples, first_examples
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.methods.everybodys_talkin.painting import First, RenderLoss, painted
from avfuse.methods.everybodys_talkin.translation import (
    hearing,
    regression_checks,
    translation_loss,
)
from avfuse.training.adversarial import descend, frozen, has_begun
from avfuse.training.base import Training
from avfuse.training.checks import mouth_checks
from avfuse.training.discriminators import PatchDiscriminator
from avfuse.training.losses import (
    adversarial_discriminator,
    adversarial_generator,
    gradient_penalty,
)
from avfuse.types import Batch, Generated, Seen

PATCH = 64
"""Pixels a side of the mouth patches whose sharpness is compared."""

_CLIPS = 60  # of the training's, spread evenly: enough for a mean and a spread


class EverybodysTalkinTraining(Training):
    """What its trainings have in common.

    Args:
        face_model: file of another 3-D face model, as of
            [`read_face_model`][avfuse.geometry.face_model.read_face_model]; None for the library's.
            That of `weights` stays.
        weights: a model to start from, or a checkpoint of an earlier stage; built alike.
        **options: of [`EverybodysTalkin`][avfuse.methods.everybodys_talkin.EverybodysTalkin].
    """

    method: EverybodysTalkin

    def __init__(
        self, face_model: str | None = None, weights: str | None = None, **options: Any
    ) -> None:
        method = EverybodysTalkin(**options)
        if face_model is not None:
            method.face.take_model(read_face_model(Path(face_model)))
        super().__init__(method, weights)

    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """Edit clips by the mel windows, as generation does; landmarks are read from them."""
        read = torch.stack([read_landmarks(clip) for clip in video])
        return self.edited(video, read, mel)

    def edited(
        self,
        video: Float[Tensor, "B T 3 H W"],
        landmarks: Float[Tensor, "B T 68 2"],
        mel: Float[Tensor, "B T 80 S"],
    ) -> Generated:
        """The same with landmarks that are known, in pixels; outputs are folded, (N, ...)."""
        images = (video * 255).round().byte().movedim(2, -1).cpu()
        drawn, masks = [], []
        with torch.autocast(video.device.type, enabled=False):  # as it is at use
            for clip, points, heard in zip(images, landmarks.float().cpu(), mel, strict=True):
                given, _ = self.method.prepare(heard[None], Seen(clip, points), (), None)
                drawn.append(self.method.draw(None, given))
                masks.append(given.mask)
        colour, mask = torch.cat([d.colour for d in drawn]), torch.cat(masks)
        return Generated(blend(video.flatten(0, 1), mask, colour), mask, colour, None, {})

    def fitted(self, data: LightningDataModule | None) -> None:
        """Find mean and spread of what sound is turned to, unless a checkpoint brought them."""
        regressed = self.method.regressed
        if regressed.spread.any():
            return
        if not isinstance(data, TalkingClips):
            raise InputError(
                "no landmarks to find the expressions' mean in; train with TalkingClips, or call "
                "method.regressed.fit(...) first"
            )
        clips = [*{clip.path: clip for s in data.train.sources for clip in s.clips}.values()]
        truths = []
        for clip in clips[:: -(-len(clips) // _CLIPS)]:
            seen = cropped(clip, self.method.size)
            truths.append(regressed.truth(seen, self.method.face.fit(seen)))
        regressed.fit(torch.cat(truths).to(regressed.mean))

    def _checked(self, batch: Batch) -> dict[str, Tensor]:
        """How a mouth is that V1 and A2 make, beside V2's; as `TalkingFace`'s."""
        made = self.edited(batch.video1, batch.landmarks1, batch.mel2)
        source, target, points = (
            x.flatten(0, 1) for x in (batch.video1, batch.video2, batch.landmarks2)
        )
        return mouth_checks(made.image, source, target, points, PATCH)


class ExpressionTraining(EverybodysTalkinTraining):
    """Stage 1 (section 3.2): sound to expression, the ID-removing network with it.

    Pictures play no part: [`SaidClips`][avfuse.methods.everybodys_talkin.clips.SaidClips] reads
    none. Of pairs, both lips are used.

    Args:
        rate: learning rate (Adam).
        norm: weight of eq. 2; the paper gives none. 0 without ID removing.
        expression: weight of eq. 3's first term.
        shape: weight of its second; distances are in those of the outer eye corners.
        speakers: file of a classifier of speakers (see
            [`avfuse.experts.speakers.training`][]); None for the shipped one.
        **options: as of `EverybodysTalkinTraining`.
    """

    stage: ClassVar[str] = "expression"

    def __init__(
        self,
        rate: float = 1e-3,
        norm: float = 0.1,
        expression: float = 1.0,
        shape: float = 10.0,
        speakers: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.translation = translation_loss(self.method, norm, expression, shape, speakers)

    def training_step(self, batch: Batch | Examples, batch_index: int) -> None:
        given = all_examples(batch, self.method.face) if isinstance(batch, Batch) else batch
        terms, _ = self.translation(self.method, given)
        descend(self, self.optimizers(), torch.stack(list(terms.values())).sum(), clip=5.0)
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """Eq. 5: E_ldmk in pixels of the crop, and E_exp, where an expression is regressed."""
        return {**regression_checks(self.method, all_examples(batch, self.method.face))}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over what hears."""
        return torch.optim.Adam(hearing(self.method), self.hparams["rate"], fused=True)


class RendererTraining(EverybodysTalkinTraining):
    """Stage 2 (section 3.3): the renderer, its landmarks those of the true expression.

    Of each pair, V1 is drawn, as it was filmed: its last frame, by all of them.

    Args:
        rate: learning rate of both networks (Adam).
        pixel: weight of L_recon.
        mouth: how much more pixels around the mouth count in it; the paper has none.
        adversarial: weight of L_adv; 0 for no discriminator.
        adversarial_start: training steps before the discriminator begins.
        penalty: weight of L_gp.
        perceptual: weight of L_vgg.
        vgg: file of torchvision's VGG-19; None takes the features of the library's face network.
        variation: weight of L_tv.
        critic: channels of the discriminator.
        **options: as of `EverybodysTalkinTraining`.
    """

    stage: ClassVar[str] = "renderer"

    def __init__(
        self,
        rate: float = 2e-4,
        pixel: float = 100.0,
        mouth: float = 0.0,
        adversarial: float = 1.0,
        adversarial_start: int = 0,
        penalty: float = 10.0,
        perceptual: float = 10.0,
        vgg: str | None = None,
        variation: float = 1e-2,
        critic: tuple[int, ...] = (64, 128, 256),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.method.renderer.to(memory_format=torch.channels_last)
        self.rendering = RenderLoss(pixel, mouth, perceptual, variation, vgg)
        self.discriminator = PatchDiscriminator(critic)

    def training_step(self, batch: Batch, batch_index: int) -> None:
        generator, discriminator = cast("list[LightningOptimizer]", self.optimizers())
        given = first_examples(batch, self.method.face)
        terms, spoken = self._spoken(given)
        noise = self.method.coloured(torch.rand_like(batch.video1.flatten(0, 1)))
        first = First(batch.video2[:, 0], batch.landmarks2[:, 0]).nudged()
        image = painted(self.method, batch.video1, given.fit, spoken, noise, first)
        target = batch.video1[:, -1]
        terms |= self.rendering(image, target, given.landmarks[:, -1])
        weight = self.hparams["adversarial"]
        adversary = weight and has_begun(self, self.hparams["adversarial_start"])
        if adversary:
            with frozen(self.discriminator):
                terms["adversarial"] = weight * adversarial_generator(self.discriminator(image))
        descend(self, generator, torch.stack(list(terms.values())).sum(), clip=5.0)
        if adversary:
            terms |= self._judgement(discriminator, target, image.detach())
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def _spoken(self, given: Examples) -> tuple[dict[str, Tensor], Float[Tensor, "N 68 2"]]:
        """Landmarks to draw, and what was lost on the way to them: here, of the true expression."""
        seen, regressed = given.landmarks.flatten(0, 1), self.method.regressed
        truth = regressed.truth(seen, given.fit)
        return {}, regressed.points(truth, seen, given.fit.identity, given.fit.camera)

    def _judgement(
        self, optimizer: LightningOptimizer, real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """One step of the discriminator: LSGAN, and L_gp."""
        critic = self.discriminator
        loss = adversarial_discriminator(critic(real), critic(fake))
        penalty = self.hparams["penalty"] * gradient_penalty(critic, real, fake)
        descend(self, optimizer, loss + penalty)
        return {"discriminator": loss, "penalty": penalty}

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """The mouth of V1's last frame, drawn from its true expression."""
        given = first_examples(batch, self.method.face)
        _, spoken = RendererTraining._spoken(self, given)
        first = First(batch.video2[:, 0], batch.landmarks2[:, 0])
        image = painted(self.method, batch.video1, given.fit, spoken, self.method.noise, first)
        source, target = batch.video1[:, 0], batch.video1[:, -1]
        return {**mouth_checks(image, source, target, given.landmarks[:, -1], PATCH)}

    def configure_optimizers(self) -> list[Any]:
        """Adam; the first is over what this stage trains."""
        rate, betas = self.hparams["rate"], (0.5, 0.999)
        networks = self._trained(), self.discriminator.parameters()
        return [torch.optim.Adam(given, rate, betas, fused=True) for given in networks]

    def _trained(self) -> list[nn.Parameter]:
        return [*self.method.renderer.parameters()]


class TogetherTraining(RendererTraining):
    """Stage 3: everything at once, L_norm + L_trans + L_render.

    The renderer sees the landmarks that sound gives, and its losses reach the translation through
    the heat maps.

    Args:
        norm: weight of eq. 2.
        expression: weight of eq. 3's first term.
        shape: weight of its second.
        speakers: file of a classifier of speakers; None for the shipped one.
        **options: as of `RendererTraining`.
    """

    stage: ClassVar[str] = "together"

    def __init__(
        self,
        norm: float = 0.1,
        expression: float = 1.0,
        shape: float = 10.0,
        speakers: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.translation = translation_loss(self.method, norm, expression, shape, speakers)

    def _spoken(self, given: Examples) -> tuple[dict[str, Tensor], Float[Tensor, "N 68 2"]]:
        terms, spoken = self.translation(self.method, given)
        return terms, spoken

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """From sound as `TalkingFace`'s; eq. 5; `taught_psnr`, from the true expression."""
        taught = super().checks(batch, split)["mouth_psnr"]
        errors = regression_checks(self.method, all_examples(batch, self.method.face))
        return {**self._checked(batch), **errors, "taught_psnr": taught}

    def _trained(self) -> list[nn.Parameter]:
        return [*self.method.renderer.parameters(), *hearing(self.method)]
