"""What every training has in common: its checks, and a checkpoint that can be built again."""

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from jaxtyping import Float
from lightning import LightningModule
from torch import Tensor
from torchmetrics import Metric

from avfuse.errors import InputError
from avfuse.model_file import check_alike
from avfuse.training import losses
from avfuse.types import Batch

if TYPE_CHECKING:
    from avfuse.methods.atvgnet.generator import ATVGnet
    from avfuse.methods.dynamic_kernels.generator import Generator

SPLITS = ("seen", "unseen")
"""The validation sets, in order: of speakers that are trained on, and of others."""


class TalkingModule(LightningModule, ABC):
    """A generator in training on pairs.

    Attributes:
        generator: what is trained. One whose `over_time` is false is given frames with time folded,
            (N, ...) with N = B·T; one whose `over_time` is true, (B, T, ...).
    """

    generator: "Generator | ATVGnet"

    @abstractmethod
    def checks(self, batch: Batch, split: str) -> dict[str, Tensor | Metric]:
        """Quick scores of held-back pairs, by name.

        Each is a mean over the frames of the batch, or a metric of `split` that has been given
        them: however pairs are spread over batches and processes, the epoch's score is the same.
        """

    def validation_step(self, batch: Batch, batch_index: int, dataloader_idx: int = 0) -> None:
        self._log_checks(batch, "val", dataloader_idx)

    def test_step(self, batch: Batch, batch_index: int, dataloader_idx: int = 0) -> None:
        self._log_checks(batch, "test", dataloader_idx)

    def _log_checks(self, batch: Batch, stage: str, loader: int) -> None:
        split = SPLITS[loader]
        self.log_dict(
            {f"{stage}/{split}/{k}": v for k, v in self.checks(batch, split).items()},
            batch_size=len(batch.video1),
            add_dataloader_idx=False,
            sync_dist=True,
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Note how to build the generator, as text: `avfuse export` needs no unpickling."""
        checkpoint["avfuse"] = json.dumps(self.generator.config)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say what differs, before torch lists every tensor that does not fit."""
        if "avfuse" not in checkpoint:
            raise InputError("the checkpoint was not written by avfuse fit")
        check_alike(json.loads(checkpoint["avfuse"]), self.generator.config, "the checkpoint")


def mouth_checks(
    image: Float[Tensor, "N 3 H W"],
    source: Float[Tensor, "N 3 H W"],
    target: Float[Tensor, "N 3 H W"],
    landmarks: Float[Tensor, "N 68 2"],
    patch: int,
) -> dict[str, Tensor]:
    """How near a generated mouth is to the true one, and how sharp.

    Args:
        image: what was generated.
        source: what it was made from.
        target: the truth.
        landmarks: of the target, in pixels.
        patch: pixels a side at which sharpness is compared.

    Returns:
        `mouth_psnr` in dB, `gain` in dB over the source, and `sharpness`, 1 for the truth's.
    """
    near = losses.mouth_map(landmarks, *target.shape[-2:])

    def decibels(picture: Tensor) -> Tensor:
        error = ((picture - target).square() * near).sum((1, 2, 3)) / near.sum((1, 2, 3)) / 3
        return -10 * error.clamp_min(1e-10).log10().mean()

    def energy(picture: Tensor) -> Tensor:
        mouth = losses.mouth_patch(picture, landmarks, patch)
        across, down = mouth.diff(dim=-1).square(), mouth.diff(dim=-2).square()
        return across.mean((1, 2, 3)) + down.mean((1, 2, 3))

    return {
        "mouth_psnr": decibels(image),
        "gain": decibels(image) - decibels(source),
        "sharpness": (energy(image) / energy(target).clamp_min(1e-10)).mean(),
    }
