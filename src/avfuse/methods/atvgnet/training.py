"""The training of ATVGnet: each network by itself, VG-net against the discriminator."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from lightning import LightningDataModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torchmetrics import Metric

from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.faces.crops import read_landmarks
from avfuse.geometry.box import MOUTH
from avfuse.methods.atvgnet import losses
from avfuse.methods.atvgnet.discriminator import RegressionDiscriminator
from avfuse.methods.atvgnet.generator import ATVGnet
from avfuse.methods.atvgnet.sequences import Sequences, sequences
from avfuse.methods.atvgnet.vg_net import Painted
from avfuse.training.adversarial import descend, frozen, has_begun
from avfuse.training.base import Training
from avfuse.training.checks import mouth_checks
from avfuse.training.losses import mouth_map, opening_map, reconstruction
from avfuse.types import Batch, Generated

PATCH = 64
"""Pixels a side of the mouth patches whose sharpness is compared."""


_OPENING = 4.0  # what shows between the lips, beside the rest of the mouth, in `motion_weight`


class ATVGnetTraining(Training):
    """ATVGnet's training (section 3), and by its options the paper's ablations (section 4.4).

    A sequence is the first frame of one of a pair and the clip of the other: the same person and
    pose, other lips. Each batch of pairs is used both ways. The principal components are fitted to
    the training clips' landmarks before the first step.

    Args:
        teacher_forcing: VG-net sees true landmarks in training; or AT-net's, and its losses reach
            AT-net (ATVG-ND, trained end to end).
        rate: learning rate of all networks.
        pixel: λ of eq. 13.
        attention: how much the attention mask counts in eq. 9; 0 for a fixed loss (w/o DAL).
        base: β of eq. 9.
        adversarial: weight of D_s.
        adversarial_start: training steps before the discriminator begins.
        regression: weight of D_p; 0 for a discriminator without regression (w/o RD).
        mouth: weight of the mouth in the regression, M_p² of eq. 12.
        motion_weight: of the motion image's own L1 around the mouth and between the lips, beside
            eq. 9; the paper has none. Without an adversary the mask can close before the motion
            image is any good, which then never learns.
        weights: a model to start from, by name or file, instead of from nothing; built alike.
        **options: of the method, as of [`ATVGnet`][avfuse.methods.atvgnet.ATVGnet]; recipes and
            the command line name each of them as they do the above.
    """

    method: ATVGnet

    def __init__(
        self,
        teacher_forcing: bool = True,
        rate: float = 2e-4,
        pixel: float = 10.0,
        attention: float = 1.0,
        base: float = 0.5,
        adversarial: float = 1.0,
        adversarial_start: int = 0,
        regression: float = 1.0,
        mouth: float = 100.0,
        motion_weight: float = 0.0,
        weights: str | None = None,
        **options: Any,
    ) -> None:
        method = ATVGnet(**options)
        super().__init__(method, weights)
        self.save_hyperparameters()
        plan = method.config
        self.discriminator = RegressionDiscriminator(
            plan["channels"], 4 * plan["audio_width"], method.size
        )

    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """Make the first frame of every clip speak the mel windows; outputs are folded, (N, ...).

        The frame's landmarks are read by the built-in network.
        """
        painted, _ = self.method.speak(video[:, 0], read_landmarks(video[:, 0]), mel)
        image, mask, motion = (x.flatten(0, 1) for x in painted)
        return Generated(image, mask, motion, None, {})

    def fitted(self, data: LightningDataModule | None) -> None:
        """Fit the principal components, unless a checkpoint or model brought them."""
        shape = self.method.shape
        if shape.unit > 0:
            return
        if not isinstance(data, TalkingClips):
            raise InputError(
                "no landmarks to fit principal components to; train with TalkingClips, or call "
                "method.shape.fit(landmarks) first"
            )
        shape.fit(torch.from_numpy(data.landmarks()))

    def training_step(self, batch: Batch, batch_index: int) -> None:
        given, h = sequences(batch), self.hparams
        generator, discriminator = cast("list[LightningOptimizer]", self.optimizers())
        predicted, _ = self.method.predict(given.mel, given.still)
        painted = self._painted(given, predicted)
        terms = self._supervision(given, predicted, painted)
        judged = bool(h["adversarial"] or h["regression"])
        adversary = judged and has_begun(self, h["adversarial_start"])
        if adversary:
            with frozen(self.discriminator):
                terms |= self._persuasion(given, painted)
        descend(self, generator, torch.stack(list(terms.values())).sum())
        if adversary:
            judgement = self._judgement(given, painted.image.detach())
            descend(self, discriminator, torch.stack(list(judgement.values())).sum())
            terms |= judgement
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def _painted(self, given: Sequences, predicted: Tensor) -> Painted:
        driving = given.landmarks
        if not self.hparams["teacher_forcing"]:
            driving = self.method.landmarks_of(predicted, given.still)
        return self.method(given.image, given.still, driving)

    def _supervision(
        self, given: Sequences, predicted: Tensor, painted: Painted
    ) -> dict[str, Tensor]:
        """What needs no discriminator: AT-net's squared error, and eq. 9."""
        h = self.hparams
        true = self.method.shape.coefficients(given.landmarks)
        pixel = losses.dynamic_pixel(
            painted.image, given.video, painted.mask, attention=h["attention"], base=h["base"]
        )
        terms = {"shape": F.mse_loss(predicted, true), "pixel": h["pixel"] * pixel}
        if h["motion_weight"]:
            terms["motion"] = h["pixel"] * h["motion_weight"] * self._motion(given, painted)
        return terms

    def _motion(self, given: Sequences, painted: Painted) -> Tensor:
        drawn, target = (x.flatten(0, 1) for x in (painted.motion, given.video))
        points, size = given.landmarks.flatten(0, 1), target.shape[-2:]
        near = mouth_map(points, *size) + _OPENING * opening_map(points, *size)
        return reconstruction(drawn, target, near)

    def _persuasion(self, given: Sequences, painted: Painted) -> dict[str, Tensor]:
        """The generator's side of eq. 12."""
        h = self.hparams
        judged = self.discriminator(painted.image, given.still)
        return {
            "adversarial": h["adversarial"] * losses.adversarial_generator(judged.score),
            "regression": h["regression"] * self._regression(judged.landmarks, given),
        }

    def _judgement(self, given: Sequences, fake: Tensor) -> dict[str, Tensor]:
        """The discriminator's side of eq. 12; D_p learns from real frames only."""
        h = self.hparams
        real, made = (self.discriminator(video, given.still) for video in (given.video, fake))
        score = losses.adversarial_discriminator(real.score, made.score)
        found = self._regression(real.landmarks, given)
        return {
            "discriminator": h["adversarial"] * score,
            "discriminator_regression": h["regression"] * found,
        }

    def _regression(self, found: Tensor, given: Sequences) -> Tensor:
        unit, mouth = self.method.size / 2, self.hparams["mouth"]
        return losses.landmark_regression(found, given.landmarks, unit=unit, mouth=mouth)

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """As `TalkingFace`'s, from sound alone; `taught_psnr` is of frames from true landmarks.

        The paper's ablations (Table 3) are scored with true landmarks. `mouth_distance` is the mean
        distance of AT-net's mouth from the true one, each about its own middle, in pixels.
        """
        given = sequences(batch)
        spoken, heard = self.method.speak(given.image, given.still, given.mel)
        taught = self.method(given.image, given.still, given.landmarks)
        mouths = (points[..., MOUTH, :] for points in (heard, given.landmarks))
        predicted, true = (points - points.mean(-2, keepdim=True) for points in mouths)
        source = given.image.unsqueeze(1).expand_as(given.video).flatten(0, 1)
        target, landmarks = given.video.flatten(0, 1), given.landmarks.flatten(0, 1)

        def compared(painted: Painted) -> dict[str, Tensor]:
            return mouth_checks(painted.image.flatten(0, 1), source, target, landmarks, PATCH)

        return {
            **compared(spoken),
            "taught_psnr": compared(taught)["mouth_psnr"],
            "mouth_distance": (predicted - true).norm(dim=-1).mean(),
            "mask": spoken.mask.mean(),
        }

    def configure_optimizers(self) -> list[Any]:
        """Adam as in the paper; AT-net and VG-net share one, which keeps nothing in common."""
        networks = self.method, self.discriminator
        return [
            torch.optim.Adam(n.parameters(), self.hparams["rate"], (0.5, 0.999), fused=True)
            for n in networks
        ]
