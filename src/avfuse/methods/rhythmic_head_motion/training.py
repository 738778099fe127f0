"""The trainings of Rhythmic Head Motion, in order: expression, motion, generator, together."""

from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from lightning import LightningDataModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torchmetrics import Metric

from avfuse.faces.crops import read_landmarks
from avfuse.methods.rhythmic_head_motion.data import HeadClips, Moved, Said, Shown
from avfuse.methods.rhythmic_head_motion.head import canonical, landmarks_of
from avfuse.methods.rhythmic_head_motion.losses import following, warping
from avfuse.methods.rhythmic_head_motion.method import RhythmicHeadMotion
from avfuse.methods.rhythmic_head_motion.terms import (
    chosen,
    expression_terms,
    given_of,
    predicted,
)
from avfuse.metrics.psnr import psnr
from avfuse.metrics.ssim import ssim
from avfuse.training.adversarial import descend, frozen, has_begun
from avfuse.training.base import Training
from avfuse.training.multi_scale import MultiScaleCritic, critical, fooling, matching
from avfuse.training.perceptual import Features, features_of
from avfuse.types import Generated, Seen


class RhythmicTraining(Training):
    """What its trainings have in common.

    Args:
        rate: learning rate (Adam, β 0.5 and 0.999).
        weights: a model to start from, or a checkpoint of an earlier stage; built alike.
        **options: of
            [`RhythmicHeadMotion`][avfuse.methods.rhythmic_head_motion.RhythmicHeadMotion].
    """

    method: RhythmicHeadMotion

    def __init__(self, rate: float = 2e-4, weights: str | None = None, **options: Any) -> None:
        super().__init__(RhythmicHeadMotion(**options), weights)
        self.rate = rate

    @torch.no_grad()
    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """Meet whom clips show, landmarks being read from them, and let them say the windows."""
        images, drawn = (video * 255).round().byte().movedim(2, -1).cpu(), []
        for clip, shown, heard in zip(video, images, mel, strict=True):
            person = self.method.meet(Seen(shown, read_landmarks(clip).float().cpu()), heard)
            given, _ = self.method.prepare(heard[None], None, person, None)
            drawn.append(self.method.draw(None, given).colour)
        colour = torch.cat(drawn)
        return Generated(colour, torch.ones_like(colour[:, :1]), colour, None, {})

    def configure_optimizers(self) -> Any:
        """Adam, of each network by itself."""
        return [
            torch.optim.Adam(network.parameters(), self.rate, (0.5, 0.999), fused=True)
            for network in self.learning()
        ]

    def learning(self) -> list[nn.Module]:
        """The networks that this stage trains."""
        raise NotImplementedError


class ExpressionTraining(RhythmicTraining):
    """Stage 1 (section 3.2): Ψ, by the expression of the frames that the sound is of.

    Args:
        expression: weight of the distance of components.
        shape: weight of that of landmarks, in distances of the outer eye corners.
        **options: as of `RhythmicTraining`.
    """

    stage: ClassVar[str] = "expression"

    def __init__(self, expression: float = 1.0, shape: float = 10.0, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.amounts = {"expression": expression, "shape": shape}

    def training_step(self, batch: Said, batch_index: int) -> None:
        terms = {k: self.amounts[k] * v for k, v in expression_terms(self.method, batch).items()}
        descend(self, self.optimizers(), torch.stack(list(terms.values())).sum(), clip=5.0)
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def checks(self, batch: Said, split: str) -> dict[str, Tensor | Metric]:
        """L1 of the components and of landmarks (% of the eyes' distance); of none at all."""
        terms = expression_terms(self.method, batch)
        still = canonical(batch.identity, 0 * batch.expression)
        true = canonical(batch.identity, batch.expression)
        return {
            "expression": terms["expression"],
            "landmark_error": 100 * terms["shape"],
            "landmark_error_still": 100 * (still - true).abs().mean(),
        }

    def learning(self) -> list[nn.Module]:
        return [self.method.expression]


class MotionTraining(RhythmicTraining):
    """Stage 2 (section 3.3): Φ, by how the head goes on.

    Args:
        anybody: share of passages whose references are hidden, from which the motion of people of
            whom nothing is known is learnt.
        **options: as of `RhythmicTraining`.
    """

    stage: ClassVar[str] = "motion"

    def __init__(self, anybody: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.anybody = anybody

    def fitted(self, data: LightningDataModule | None) -> None:
        """Find how much heads move, unless a checkpoint brought it."""
        if self.stage in self.method.trained or not isinstance(data, HeadClips):
            return
        poses = [head.found.poses for head in data.train.heads]  # type: ignore[attr-defined]
        apart = torch.cat([clip - clip.mean(0) for clip in poses])
        self.method.motion.spread.copy_(apart.std(0).clamp_min(1e-3))

    def training_step(self, batch: Moved, batch_index: int) -> None:
        hidden = float(torch.rand(())) < self.anybody
        made = predicted(self.method, batch._replace(said=batch.said[:, :0]) if hidden else batch)
        loss = following(made, batch.poses, self.method.motion.spread)
        descend(self, self.optimizers(), loss, clip=1.0)
        self.log("train/motion", loss.detach(), prog_bar=True)

    def checks(self, batch: Moved, split: str) -> dict[str, Tensor | Metric]:
        """L1 in the numbers' spread: of the person's motion, of others', and of none."""
        spread = self.method.motion.spread
        others = batch._replace(
            before=batch.before.roll(1, 0) + batch.before.mean(1, keepdim=True)
            - batch.before.mean(1, keepdim=True).roll(1, 0),
            said=batch.said.roll(1, 0),
        )  # fmt: skip

        def wrong(poses: Tensor) -> Tensor:
            return ((poses - batch.poses) / spread).abs().mean()

        return {
            "motion": wrong(predicted(self.method, batch)),
            "motion_of_others": wrong(predicted(self.method, others)),
            "motion_mean": wrong(batch.before.mean(1, keepdim=True)),
        }

    def learning(self) -> list[nn.Module]:
        return [self.method.motion]


class GeneratorTraining(RhythmicTraining):
    """Stage 3 (section 4, eq. 8): Θ, from the frames' own landmarks.

    Args:
        adversarial: weight of L_GAN; 0 for no discriminators.
        adversarial_start: training steps before they begin.
        matching: λ_FM.
        perceptual: λ_PCT.
        warping: λ_W.
        pixel: weight of the L1 distance of pixels; the paper has none.
        vgg: file of torchvision's VGG-19; None takes the features of the library's face network.
        critic: channels of the discriminators.
        scales: sizes at which they see.
        **options: as of `RhythmicTraining`.
    """

    stage: ClassVar[str] = "generator"

    def __init__(
        self,
        adversarial: float = 1.0,
        adversarial_start: int = 0,
        matching: float = 10.0,
        perceptual: float = 10.0,
        warping: float = 10.0,
        pixel: float = 0.0,
        vgg: str | None = None,
        critic: tuple[int, ...] = (64, 128, 256, 512),
        scales: int = 2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.critic = MultiScaleCritic(4, critic, scales)
        self.features: Features | None = features_of(vgg) if perceptual else None

    def landmarks(self, batch: Shown) -> Float[Tensor, "B 68 2"]:
        """Where they are to be: here, where they are."""
        return batch.points

    def spoken(self, batch: Shown) -> dict[str, Tensor]:
        """What else is lost."""
        return {}

    def training_step(self, batch: Shown, batch_index: int) -> None:
        drawing, judging = cast("list[LightningOptimizer]", self.optimizers())
        h, given = self.hparams, given_of(self.method, batch, self.landmarks(batch))
        image, warped = self.method.generator(given)
        terms = {"warping": h["warping"] * warping(given.guides, warped, batch.target)}
        if h["pixel"]:
            terms["pixel"] = h["pixel"] * (image - batch.target).abs().mean()
        if self.features is not None:
            terms["perceptual"] = h["perceptual"] * self.features(image, batch.target)
        adversary = h["adversarial"] and has_begun(self, h["adversarial_start"])
        if adversary:
            terms |= self._fooling(given.marks, batch.target, image)
        terms |= self.spoken(batch)
        descend(self, drawing, torch.stack(list(terms.values())).sum(), clip=5.0)
        if adversary:
            terms["critical"] = self._judged(judging, given.marks, batch.target, image.detach())
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def _fooling(self, shown: Tensor, target: Tensor, image: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            real = self.critic(shown, target)
        with frozen(self.critic):
            made = self.critic(shown, image)
        h = self.hparams
        return {
            "fooling": h["adversarial"] * fooling(made),
            "matching": h["matching"] * matching(real, made),
        }

    def _judged(
        self, optimizer: LightningOptimizer, shown: Tensor, target: Tensor, image: Tensor
    ) -> Tensor:
        """One step of D_1 and D_2."""
        real, made = (self.critic(shown, picture) for picture in (target, image))
        loss = critical(real, made)
        descend(self, optimizer, loss)
        return loss

    def drawn(self, batch: Shown) -> Float[Tensor, "B 3 H W"]:
        """The frames, as they are drawn."""
        return self.method.generator(given_of(self.method, batch, self.landmarks(batch))).image

    def shown(self, batch: Shown) -> Float[Tensor, "2 N 3 H W"]:
        return torch.stack([batch.target, self.drawn(batch)])

    def checks(self, batch: Shown, split: str) -> dict[str, Tensor | Metric]:
        """PSNR (dB) and SSIM; of the matched reference, were it shown in the frame's place."""
        made, still = self.drawn(batch), chosen(batch.images, batch.matched)
        pairs = {"": made, "_still": still}
        scores: dict[str, Tensor | Metric]
        scores = {f"psnr{name}": psnr(x, batch.target).mean() for name, x in pairs.items()}
        return scores | {f"ssim{name}": ssim(x, batch.target).mean() for name, x in pairs.items()}

    def learning(self) -> list[nn.Module]:
        return [self.method.generator, self.critic]


class TogetherTraining(GeneratorTraining):
    """Stage 4: Θ from the landmarks that sound gives, and Ψ with it.

    Args:
        expression: weight of Ψ's distance of components.
        shape: weight of that of landmarks.
        **options: as of `GeneratorTraining`.
    """

    stage: ClassVar[str] = "together"

    def __init__(self, expression: float = 1.0, shape: float = 10.0, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.amounts = {"expression": expression, "shape": shape}

    def landmarks(self, batch: Shown) -> Float[Tensor, "B 68 2"]:
        """Those of the sound; drawn as lines, through which no gradient goes."""
        with torch.no_grad():
            said = self.method.expression(batch.heard, batch.identity)
        return landmarks_of(batch.identity, said, batch.pose, self.method.size)

    def spoken(self, batch: Shown) -> dict[str, Tensor]:
        said = Said(batch.heard, batch.identity, batch.expression)
        found = expression_terms(self.method, said)
        return {name: self.amounts[name] * loss for name, loss in found.items()}

    def learning(self) -> list[nn.Module]:
        return [nn.ModuleList([self.method.generator, self.method.expression]), self.critic]
