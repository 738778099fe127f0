"""Training of the classifier of speakers.

    python -m avfuse.experts.speakers.training fit --config speech/speakers

writes the weights file that the recipe names when the training ends.
"""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from avfuse.experts.speakers.data import SpeechAndSpeakers, Voices
from avfuse.experts.speakers.network import SpeakerNet, save_speaker_net
from avfuse.experts.training import ExpertTraining, command


class SpeakerTraining(ExpertTraining):
    """Trains [`SpeakerNet`][avfuse.experts.speakers.network.SpeakerNet] to name speakers.

    Args:
        rate: highest learning rate of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        width: of the network.
        output: where the weights are written when the training ends; None writes none.
        credit: what the weights file says of the data and their licences.
    """

    net: SpeakerNet

    def __init__(
        self,
        rate: float = 3e-3,
        weight_decay: float = 0.03,
        width: int = 96,
        output: str | None = None,
        credit: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def configure_model(self) -> None:
        """Build the network: who speaks is known once the data are there."""
        if not hasattr(self, "net"):
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            self.net = SpeakerNet(data.speakers, self.hparams["width"])

    def training_step(self, batch: Voices, batch_index: int) -> Tensor:
        loss = F.cross_entropy(self.net(batch.x), batch.speaker)
        self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def validation_step(self, batch: Voices, batch_index: int) -> None:
        right = (self.net(batch.x).argmax(1) == batch.speaker).float().mean()
        self.log("val/right", right, batch_size=len(batch.x), prog_bar=True)

    def write(self, path: Path) -> None:
        save_speaker_net(self.net, path, self.hparams["credit"])


def main() -> None:
    """Lightning's command line over this module and its data."""
    command(SpeakerTraining, SpeechAndSpeakers)


if __name__ == "__main__":
    main()
