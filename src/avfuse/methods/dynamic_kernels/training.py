"""The training of every fusion strategy: folds time, sums named losses, logs, optimises."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torchmetrics import Metric, PearsonCorrCoef

from avfuse.fusion.base import FusionFactory
from avfuse.geometry.lips import lip_aperture, seen_lips
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.methods.dynamic_kernels.generator import Generator, Motion
from avfuse.methods.dynamic_kernels.terms import PATCH, fold, supervision, targets
from avfuse.training import losses
from avfuse.training.adversarial import descend, frozen, has_begun
from avfuse.training.base import SPLITS, Training
from avfuse.training.checks import mouth_checks
from avfuse.training.discriminators import PatchDiscriminator
from avfuse.types import LIP_UNIT, Batch, Condition, Generated

_FRAME = (32, 64, 128, 256)  # the discriminator of whole frames looks a level deeper


class TalkingFace(Training):
    """The paper's model and training (IV-B) for any fusion strategy.

    Each batch of pairs is used both ways: f(V1, A2) -> V2 and f(V2, A1) -> V1 (eq. 3). Since the
    two differ in the mouth only, the discriminator (eq. 4) looks at the mouth, unless it is to see
    the frame. A term whose weight is 0 is not computed: with all but reconstruction and adversarial
    at 0, the loss is eq. 5, as `papers/dynamic_kernels/paper.yaml` has it.

    Args:
        fusion: how sound gets in. It has no default, here or anywhere: set it in one place.
        channels: of the pyramid, fine to coarse.
        blocks: residual blocks a level, fine to coarse.
        blend: eq. 7, or the motion image itself (w/o blending).
        motion: what the motion image is made of, as of [`Generator`][avfuse.Generator].
        mel_steps: mel steps the audio encoder hears around a frame.
        audio_width: width of the audio encoder; 32 is Wav2Lip's.
        audio_windows: as of [`Generator`][avfuse.Generator].
        size: pixels a side that it is trained for.
        weights: a model to start from, by name or file, instead of from nothing; built alike.
        wav2lip: a Wav2Lip checkpoint to start the audio encoder from.
        speech_encoder: without such a checkpoint and without `weights`, start the audio encoder
            from the library's own, which was trained to name phones; its shape is Wav2Lip's, 16
            steps and width 32.
        audio: whether the audio encoder is `trained` with the rest, or stays as it was started
            from, `frozen`, as in the paper (III-B): no gradients, norms as in evaluation.
        rate: learning rate of the generator.
        discriminator_rate: learning rate of the discriminator.
        weight_decay: of the generator (AdamW).
        warmup: steps over which the learning rate rises.
        reconstruction: λ_rec of eq. 5.
        adversarial: weight of the adversarial loss.
        adversary: what the discriminator sees: a patch around the `mouth`, or the whole `frame`.
        adversarial_start: training steps before it begins: there is nothing to tell apart while
            the output is still nearly the input.
        mask: weight of the attention mask's regulariser.
        mask_region: where the mask costs nothing: a `blob` around the target's mouth; mouth and
            chin as the landmarks of both outline them, `outline`; or `nowhere`, plain L1.
        mouth: extra weight of the mouth's pixels in the reconstruction.
        opening: extra weight of what shows between the lips.
        edges: weight of the mouth's edges beside its pixels.
        texture: weight of the mouth's roughness: teeth and lips as crisp as real ones.
        motion_weight: of the motion image's own reconstruction, beside the blend's: around the
            mouth as far as `mouth` and `opening` weigh it, else everywhere. Without it the mask
            closes before M is any good, and M then never learns.
        flow: weight of the flow at the landmarks of jaw and lips, in pixels of a crop.
        lips: weight of the lip shape, predicted from the audio feature by a linear map that is
            only there in training; it teaches the encoder what of the sound shows.

    Raises:
        ValueError: if the audio encoder is to stay as it is and nothing says how that is, or if
            it has not the shape of the speech encoder that it is to start from.
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
        audio_windows: int | None = None,
        size: int = 256,
        weights: str | None = None,
        wav2lip: str | None = None,
        speech_encoder: bool = False,
        audio: Literal["trained", "frozen"] = "trained",
        rate: float = 5e-4,
        discriminator_rate: float = 2e-4,
        weight_decay: float = 0.01,
        warmup: int = 200,
        reconstruction: float = 10.0,
        adversarial: float = 1.0,
        adversary: Literal["mouth", "frame"] = "mouth",
        adversarial_start: int = 0,
        mask: float = 1.0,
        mask_region: Literal["blob", "outline", "nowhere"] = "blob",
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
            audio_windows=audio_windows,
            size=size,
        )
        super().__init__(generator.to(memory_format=torch.channels_last), weights)
        self.save_hyperparameters(ignore=["fusion"])
        self._start_audio()
        whole = adversary == "frame"
        self.discriminator = PatchDiscriminator(_FRAME) if whole else PatchDiscriminator()
        self.lips = nn.Linear(self.method.audio.dim, 40)
        self.apertures = nn.ModuleDict({split: PearsonCorrCoef() for split in SPLITS})

    def _start_audio(self) -> None:
        h, own = self.hparams, self.method.audio
        if h["wav2lip"] is not None:
            own.load_wav2lip(h["wav2lip"])
        elif h["speech_encoder"] and h["weights"] is None:
            start_from_speech(own)
        elif h["audio"] == "frozen" and h["weights"] is None:
            raise ValueError(
                "audio=frozen would keep an audio encoder of random weights; give wav2lip=FILE, "
                "speech_encoder=true, or weights"
            )
        if h["audio"] == "frozen":
            own.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "TalkingFace":
        """As torch has it, but that a frozen audio encoder's norms stay as they are."""
        super().train(mode)
        if self.hparams["audio"] == "frozen":
            self.method.audio.eval()
        return self

    def forward(
        self, video: Float[Tensor, "B T 3 H W"], mel: Float[Tensor, "B T 80 S"]
    ) -> Generated:
        """Make every frame speak its mel window. Frames fold: outputs are (N, ...), N = B·T."""
        return self.method(fold(video), self.method.condition(mel).fold())

    def training_step(self, batch: Batch, batch_index: int) -> None:
        target, landmarks = targets(batch)
        audio, generated = self._both_ways(batch)
        h = self.hparams
        heard = self.lips(audio.flatten(0, 1)) if h["lips"] else None
        terms = supervision(h, batch, generated, heard)
        terms |= self.method.fusion.losses(generated.aux, batch)
        generator, discriminator = cast("list[LightningOptimizer]", self.optimizers())
        adversary = bool(h["adversarial"]) and has_begun(self, h["adversarial_start"])
        if adversary:
            both = generated.image, target
            fake, real = (self._judged(picture, landmarks) for picture in both)
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

    def _both_ways(self, batch: Batch) -> tuple[Tensor, Generated]:
        """Audio features of A2 and A1, (2B, T, D), and f(V1, A2), f(V2, A1), folded.

        Strategies that go by the lips' shape may see the true one, but for checks.
        """
        audio = self.method.listen(torch.cat([batch.mel2, batch.mel1]))
        lips = torch.cat([batch.lips2, batch.lips1]) if self.training else None
        points = torch.cat([batch.landmarks1, batch.landmarks2])
        given = seen_lips(points) if self.method.landmarks else None
        condition = self.method.fusion.prepare(Condition(audio, landmarks=lips, given=given))
        source = fold(torch.cat([batch.video1, batch.video2]))
        return audio, self.method(source, condition.fold())

    def _judged(self, image: Tensor, landmarks: Tensor) -> Tensor:
        """What the discriminator sees of frames."""
        if self.hparams["adversary"] == "frame":
            return image
        return losses.mouth_patch(image, landmarks, PATCH)

    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """Scores of the mouth, whether its lips were heard, and how much of the crop changed.

        Where the lips' shape is not taught, nothing reads it from sound either.
        """
        target, landmarks = targets(batch)
        audio, generated = self._both_ways(batch)
        source = fold(torch.cat([batch.video1, batch.video2]))
        found: dict[str, Tensor | Metric] = {
            **mouth_checks(generated.image, source, target, landmarks, PATCH),
            "mask": generated.mask.mean(),
        }
        if self.hparams["lips"]:
            heard = self.lips(audio.flatten(0, 1)).unflatten(1, (20, 2)) * LIP_UNIT
            seen = torch.cat([batch.lips2, batch.lips1]).flatten(0, 1)
            aperture = cast(Metric, self.apertures[split])
            aperture.update(lip_aperture(heard.float()), lip_aperture(seen))
            found["lips_heard"] = aperture
        return found

    def configure_optimizers(self) -> tuple[list[Any], list[Any]]:
        h = self.hparams
        everything = [*self.method.parameters(), *self.lips.parameters()]
        own = [parameter for parameter in everything if parameter.requires_grad]
        judges, rate = self.discriminator.parameters(), h["discriminator_rate"]
        common: dict[str, Any] = {"betas": (0.5, 0.99), "fused": True}  # 5 times as fast on a CPU
        generator = torch.optim.AdamW(own, h["rate"], weight_decay=h["weight_decay"], **common)
        adversary = torch.optim.AdamW(judges, rate, weight_decay=0.0, **common)
        schedules = [
            LambdaLR(o, lambda step: min(1.0, (step + 1) / max(1, h["warmup"])))
            for o in (generator, adversary)
        ]
        return [generator, adversary], schedules


def start_from_speech(encoder: AudioEncoder) -> None:
    """Give an audio encoder the weights of the library's own that was trained to name phones.

    Raises:
        ValueError: if it has another shape.
    """
    from avfuse.experts.speech.encoder import load_speech_encoder

    given = load_speech_encoder()
    if (given.window, given.width) != (encoder.window, encoder.width):
        raise ValueError(
            f"the audio encoder hears windows of {encoder.window} steps and has width="
            f"{encoder.width}; the speech encoder has {given.window} and {given.width}: use "
            f"mel_steps=16, or audio_windows, and audio_width=32; or speech_encoder=false"
        )
    encoder.load_state_dict(given.state_dict())
