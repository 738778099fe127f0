"""Training of the speech encoder.

    python -m avfuse.experts.speech.training fit --config speech/encoder

writes the weights file that the recipe names when the training ends.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.experts.speech.data import SpeechAndPhones
from avfuse.experts.speech.encoder import PhoneNet, load_phone_net, save_phone_net
from avfuse.experts.speech.phones import UNKNOWN
from avfuse.experts.speech.windows import Windows
from avfuse.experts.training import ExpertTraining, command


class SpeechTraining(ExpertTraining):
    """Trains [`PhoneNet`][avfuse.experts.speech.encoder.PhoneNet] to name phones.

    Args:
        rate: highest learning rate of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        aside: weight of the moments before and after the middle of a window.
        smoothing: share of the labels that is spread over all phones: aligned labels err.
        weights: a weights file to begin with, or to validate; None begins at random.
        output: where the weights are written when the training ends; None writes none.
        credit: what the weights file says of the data and their licences.
    """

    def __init__(
        self,
        rate: float = 2e-3,
        weight_decay: float = 0.03,
        aside: float = 0.3,
        smoothing: float = 0.05,
        weights: str | None = None,
        output: str | None = None,
        credit: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = PhoneNet() if weights is None else load_phone_net(Path(weights))
        self.net.requires_grad_(True).to(memory_format=torch.channels_last)

    def training_step(self, batch: Windows, batch_index: int) -> Tensor:
        logits = self.net(batch.mel.flatten(0, 1)).float()
        labels, middle = batch.labels.flatten(0, 1), len(self.net.moments) // 2
        losses = torch.stack(
            [self._loss(logits[:, m], labels[:, m]) for m in range(labels.shape[1])]
        )
        weights = torch.full_like(losses, self.hparams["aside"])
        weights[middle] = 1
        loss = (weights * losses).sum()
        right = correct(logits[:, middle], labels[:, middle])
        self.log_dict({"train/loss": loss.detach(), "train/right": right.mean()}, prog_bar=True)
        return loss

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over all moments; where the phone is unknown, nothing is added."""
        smoothing = self.hparams["smoothing"]
        total = F.cross_entropy(
            logits, labels, ignore_index=UNKNOWN, label_smoothing=smoothing, reduction="sum"
        )
        return total / len(labels)

    def validation_step(self, batch: Windows, batch_index: int) -> None:
        middle = len(self.net.moments) // 2
        right = correct(self.net.name(batch.mel[0]), batch.labels[0, :, middle])
        # Recordings differ in length: each counts by its windows.
        self.log("val/right", right.mean(), batch_size=len(right), prog_bar=True)

    def write(self, path: Path) -> None:
        save_phone_net(self.net, path, self.hparams["credit"])


def correct(logits: Float[Tensor, "N P"], labels: Int[Tensor, "N"]) -> Float[Tensor, "K"]:
    """Whether the phone of each moment is named right, 1 or 0; unknown ones are left out."""
    known = labels != UNKNOWN
    return (logits.argmax(1)[known] == labels[known]).float()


def main() -> None:
    """Lightning's command line over this module and its data."""
    command(SpeechTraining, SpeechAndPhones)


if __name__ == "__main__":
    main()
