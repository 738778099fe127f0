"""The trainings of Live Speech Portraits, in order: speech, mouth, pose, renderer."""

from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from lightning import LightningDataModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torchmetrics import Metric

from avfuse.errors import InputError
from avfuse.methods.live_speech_portraits import losses
from avfuse.methods.live_speech_portraits.astray import astray, doubted
from avfuse.methods.live_speech_portraits.data import Passage, PersonTakes, Portrait
from avfuse.methods.live_speech_portraits.footage import meet
from avfuse.methods.live_speech_portraits.method import Given, LiveSpeechPortraits
from avfuse.methods.live_speech_portraits.points import MOUTH
from avfuse.methods.live_speech_portraits.speech import MEL, read_representation
from avfuse.methods.live_speech_portraits.speech_data import Utterances
from avfuse.training.adversarial import descend, frozen
from avfuse.training.base import Training
from avfuse.training.multi_scale import MultiScaleCritic, critical, fooling, matching
from avfuse.training.perceptual import Features, features_of
from avfuse.training.progress import share_done
from avfuse.types import Generated

_FALL = 0.1  # of the learning rate at the end, in that of the beginning (section 4.3)


class LiveTraining(Training):
    """What its trainings have in common: Adam, its rate falling on a straight line (section 4.3).

    Args:
        rate: learning rate at the beginning.
        weights: a model to start from, or a checkpoint of an earlier stage; built alike.
        **options: of the method.
    """

    method: LiveSpeechPortraits

    def __init__(self, rate: float = 1e-4, weights: str | None = None, **options: Any) -> None:
        super().__init__(LiveSpeechPortraits(**options), weights)
        self.rate = rate

    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T M S"]
    ) -> Generated:
        """What the person shows while it says these windows; the video plays no part."""
        parts = [self.method.prepare(clip[None], None, (), None)[0] for clip in mel]
        drawn = self.method.draw(None, Given(torch.cat([part.maps for part in parts])))
        mask = torch.ones_like(drawn.colour[:, :1])
        return Generated(drawn.colour, mask, drawn.colour, None, {})

    def on_train_epoch_start(self) -> None:
        last = (self.trainer.max_epochs or 1) - 1
        share = share_done(self.trainer, self.current_epoch * (last + 1) / max(1, last))
        found = self.optimizers()
        for optimizer in found if isinstance(found, list) else [found]:
            for group in optimizer.param_groups:
                group["lr"] = self.rate * (1 - (1 - _FALL) * share)

    def configure_optimizers(self) -> Any:
        """Adam, of each network by itself."""
        return [torch.optim.Adam(n.parameters(), self.rate, fused=True) for n in self.learning()]

    def learning(self) -> list[nn.Module]:
        """The networks that this stage trains."""
        raise NotImplementedError

    def fitted(self, data: LightningDataModule | None) -> None:
        """Take the person from the footage, unless a checkpoint brought them."""
        if int(self.method.person.count):
            return
        if not isinstance(data, PersonTakes):
            raise InputError("no footage to take a person from; train with PersonTakes")
        meet(self.method, data.train)


class SpeechTraining(LiveTraining):
    """Stage 1 (section 3.1): the representation, by what comes next in speech of anybody (eq. 9).

    Args:
        distance: n, steps between what is heard and what is predicted.
        **options: as of `LiveTraining`.
    """

    stage: ClassVar[str] = "speech"

    def __init__(self, distance: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.distance = distance
        self.predict = nn.Linear(self.method.speech.width, MEL.bands)

    def fitted(self, data: LightningDataModule | None) -> None:
        """There is no person yet."""

    def loss(self, batch: Utterances) -> Tensor:
        """Eq. 9."""
        h, _ = self.method.speech(batch.mel)
        return losses.predictive(self.predict(h), batch.mel, self.distance)

    def training_step(self, batch: Utterances, batch_index: int) -> None:
        loss = self.loss(batch)
        descend(self, self.optimizers(), loss, clip=1.0)
        self.log("train/predictive", loss.detach(), prog_bar=True)

    def checks(self, batch: Utterances, split: str) -> dict[str, Tensor | Metric]:
        """Eq. 9, and what it costs to say that nothing changes."""
        mel, n = batch.mel, self.distance
        return {
            "predictive": self.loss(batch),
            "unchanged": (mel[:, n:] - mel[:, :-n]).abs().mean(),
        }

    def learning(self) -> list[nn.Module]:
        return [nn.ModuleList([self.method.speech, self.predict])]


class MouthTraining(LiveTraining):
    """Stage 2 (section 3.2): representations to mouths (eq. 10).

    Before the first step the person is taken from the footage: bank, face, camera, shoulders,
    candidates.

    Args:
        representation: file of a speech representation that stands for stage 1, as of
            [`read_representation`][avfuse.methods.live_speech_portraits.speech.read_representation];
            None for that of `weights`.
        **options: as of `LiveTraining`.
    """

    stage: ClassVar[str] = "mouth"

    def __init__(self, representation: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        if representation is not None:
            self.method.speech.load_state_dict(
                read_representation(representation, self.method.speech.width).state_dict()
            )
            self.method.trained = (*self.method.trained, SpeechTraining.stage)

    def predicted(self, batch: Passage) -> Float[Tensor, "B T V"]:
        """Displacements of the passage's frames: the network gives them d frames later."""
        made, _ = self.method.mouth(batch.said)
        return made[:, self.method.ahead :]

    def training_step(self, batch: Passage, batch_index: int) -> None:
        loss = losses.displacement(self.predicted(batch), batch.mouth)
        descend(self, self.optimizers(), loss, clip=1.0)
        self.log("train/displacement", loss.detach(), prog_bar=True)

    def checks(self, batch: Passage, split: str) -> dict[str, Tensor | Metric]:
        """D-L and D-V (section 5.2), and D-L of a mouth that rests at its mean."""
        made, person = self.predicted(batch), self.method.person
        lips = person.face[MOUTH[7:]]
        unit = person.mouth_unit / (lips.amax(0) - lips.amin(0))[0]  # in widths of the mouth
        wrong = made - batch.mouth
        far = [_lengths(x) * unit for x in (wrong, wrong.diff(dim=1), batch.mouth)]
        return {"d_l": far[0].mean(), "d_v": far[1].mean(), "d_l_still": far[2].mean()}

    def learning(self) -> list[nn.Module]:
        return [self.method.mouth]


class PoseTraining(LiveTraining):
    """Stage 3 (section 3.3): where the head goes next, by likelihood (eq. 11).

    Args:
        likelihood: eq. 11; else the squared distance, by which nothing is learnt of how sure it is:
            Table 2's L2, which is to be sampled with a `variety` of 0.
        astray: how far from where they were filmed passages begin, in deviations of the person's
            pose, so that a head which its own samples led away comes home; 0 for the paper's.
        **options: as of `LiveTraining`.
    """

    stage: ClassVar[str] = "pose"

    def __init__(self, likelihood: bool = True, astray: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.likelihood, self.astray = likelihood, astray

    def loss(
        self,
        before: Float[Tensor, "B T 12"],
        heard: Float[Tensor, "B T D"],
        told: Float[Tensor, "B T 12"],
    ) -> Tensor:
        """Eq. 11, each frame by those before it; or the squared distance."""
        gaussian, _ = self.method.pose(before, heard)
        return (
            gaussian.surprise(told) if self.likelihood else (gaussian.mean - told).square().mean()
        )

    def training_step(self, batch: Passage, batch_index: int) -> None:
        person, numbers, count = self.method.person, batch.numbers, batch.numbers.shape[1]
        before = numbers[:, :-1]
        if self.astray:
            pace = person.pose_spread / person.speed_spread
            numbers = astray(numbers, pace, self.astray)
            before = doubted(numbers[:, :-1])
        loss = self.loss(before, batch.said[:, 1:count], numbers[:, 1:])
        descend(self, self.optimizers(), loss, clip=1.0)
        self.log("train/pose", loss.detach(), prog_bar=True)

    def checks(self, batch: Passage, split: str) -> dict[str, Tensor | Metric]:
        """Its loss of what is held back."""
        numbers, count = batch.numbers, batch.numbers.shape[1]
        return {"pose": self.loss(numbers[:, :-1], batch.said[:, 1:count], numbers[:, 1:])}

    def learning(self) -> list[nn.Module]:
        return [self.method.pose]


class RendererTraining(LiveTraining):
    """Stage 4 (section 3.4): maps and candidates to frames (eq. 12 to 15).

    Args:
        colour: weight of the L1 distance of pixels.
        perceptual: weight of the distance of features (eq. 14).
        matching: weight of the distance of the discriminator's features (eq. 15).
        adversarial: weight of L_GAN; 0 for no discriminator.
        vgg: file of torchvision's VGG-19; None takes the features of the library's face network.
        critic: channels of the discriminator.
        scales: resolutions at which it sees.
        **options: as of `LiveTraining`.
    """

    stage: ClassVar[str] = "renderer"

    def __init__(
        self,
        colour: float = 100.0,
        perceptual: float = 10.0,
        matching: float = 1.0,
        adversarial: float = 1.0,
        vgg: str | None = None,
        critic: tuple[int, ...] = (64, 128, 256, 512),
        scales: int = 3,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.save_hyperparameters()
        self.critic = MultiScaleCritic(4, critic, scales)
        self.features: Features | None = features_of(vgg) if perceptual else None

    def training_step(self, batch: Portrait, batch_index: int) -> None:
        drawing, judging = cast("list[LightningOptimizer]", self.optimizers())
        image = self.method.draw(None, Given(batch.maps)).colour
        terms = {"colour": self.hparams["colour"] * (image - batch.images).abs().mean()}
        if self.features is not None:
            terms["perceptual"] = self.hparams["perceptual"] * self.features(image, batch.images)
        if self.hparams["adversarial"]:
            terms |= self._fooling(batch, image)
        descend(self, drawing, torch.stack(list(terms.values())).sum(), clip=5.0)
        if self.hparams["adversarial"]:
            terms["critical"] = self._judged(judging, batch, image.detach())
        self.log_dict({f"train/{k}": v.detach() for k, v in terms.items()}, prog_bar=True)

    def _fooling(self, batch: Portrait, image: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            real = self.critic(batch.maps, batch.images)
        with frozen(self.critic):
            made = self.critic(batch.maps, image)
        return {
            "fooling": self.hparams["adversarial"] * fooling(made),
            "matching": self.hparams["matching"] * matching(real, made),
        }

    def _judged(self, optimizer: LightningOptimizer, batch: Portrait, image: Tensor) -> Tensor:
        """One step of the discriminator (eq. 12)."""
        real, made = (self.critic(batch.maps, x) for x in (batch.images, image))
        loss = critical(real, made)
        descend(self, optimizer, loss)
        return loss

    def shown(self, batch: Portrait) -> Float[Tensor, "2 N 3 H W"]:
        return torch.stack([batch.images, self.method.draw(None, Given(batch.maps)).colour])

    def checks(self, batch: Portrait, split: str) -> dict[str, Tensor | Metric]:
        """L1 (levels of 255) and PSNR (dB) by true motion, as in Table 3; PSNR of a candidate."""
        image = self.method.draw(None, Given(batch.maps)).colour
        scores = {
            "l1": 255 * (image - batch.images).abs().mean(),
            "psnr": _psnr(image, batch.images),
        }
        looks = self.method.person.candidates
        if len(looks):
            still = (looks[:1] / 255).expand_as(image)
            scores["psnr_still"] = _psnr(still, batch.images)
        return {**scores}

    def learning(self) -> list[nn.Module]:
        return [self.method.renderer, self.critic]


def _lengths(displacements: Float[Tensor, "B T V"]) -> Float[Tensor, "B T P"]:
    return displacements.reshape(*displacements.shape[:2], -1, 3).norm(dim=3)


def _psnr(image: Tensor, target: Tensor) -> Tensor:
    error = (image - target).square().mean((1, 2, 3))
    return -10 * error.clamp_min(1e-10).log10().mean()
