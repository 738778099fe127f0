"""Training of the sync expert.

    python -m avfuse.experts.sync.training fit --config metrics/sync

writes the weights file that the recipe names when the training ends.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from avfuse.experts.sync.data import MouthsAndSound
from avfuse.experts.sync.evaluation import Embedded, separation
from avfuse.experts.sync.segments import Segments
from avfuse.experts.training import ExpertTraining, command
from avfuse.metrics.sync_expert import SyncExpert, load_expert, save_expert
from avfuse.sound.mel import SILENCE


class SyncTraining(ExpertTraining):
    """Trains [`SyncExpert`][avfuse.metrics.sync_expert.SyncExpert] by contrast (InfoNCE).

    Args:
        rate: highest learning rate of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        weights: a weights file to begin with, or to validate; None begins at random.
        output: where the weights are written when the training ends; None writes none.
        credit: what the weights file says of the data and their licences.
    """

    def __init__(
        self,
        rate: float = 3e-3,
        weight_decay: float = 0.05,
        weights: str | None = None,
        output: str | None = None,
        credit: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.expert = SyncExpert() if weights is None else load_expert(Path(weights))
        self.expert.requires_grad_(True).to(memory_format=torch.channels_last)
        self.sharpness = nn.Parameter(torch.tensor(math.log(10.0)))
        self.embedded: tuple[list[Embedded], list[Embedded]] = ([], [])

    def training_step(self, batch: Segments, batch_index: int) -> Tensor:
        seen, heard, silence = self._embed(batch)
        sharpness = self.sharpness.exp().clamp(max=40)
        loss, right = contrast(seen, heard, silence, batch.speaker, sharpness)
        self.log_dict({"train/loss": loss.detach(), "train/right": right}, prog_bar=True)
        return loss

    def _embed(self, batch: Segments) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of what is seen (B, W, D) and heard (B, A, D), and of silence (D)."""
        sound = batch.mel.flatten(0, 1)
        still = torch.full_like(sound[:1], SILENCE) + 0.1 * torch.randn_like(sound[:1])
        heard = self.expert.hear(torch.cat([sound, still]))
        return self.expert.see(batch.mouths), heard[:-1].view(*batch.mel.shape[:2], -1), heard[-1]

    def validation_step(self, batch: Segments, batch_index: int, dataloader_idx: int = 0) -> None:
        seen, heard, _ = self._embed(batch)
        self.embedded[dataloader_idx].append(Embedded(seen[0], heard[0]))

    def on_validation_epoch_end(self) -> None:
        for name, pieces in zip(("seen", "unseen"), self.embedded, strict=True):
            values = separation(pieces)
            self.log_dict({f"val/{name}/{k}": v for k, v in values.items()})
            pieces.clear()

    def write(self, path: Path) -> None:
        save_expert(self.expert, path, self.hparams["credit"])


def contrast(
    seen: Float[Tensor, "B W D"],
    heard: Float[Tensor, "B A D"],
    silence: Float[Tensor, "D"],
    speakers: Int[Tensor, "B"],
    sharpness: Float[Tensor, ""],
) -> tuple[Tensor, Tensor]:
    """InfoNCE in both directions (van den Oord and others 2018, eq. 4).

    For each window of what is seen, one sound is right; wrong are those of the same speaker two or
    more frames away or in another clip, and silence. For each sound that belongs to a window,
    likewise among all windows. Neither right nor wrong are a frame to either side, since nobody
    hears 40 ms, and what others say: told apart from them, a mouth would be known by its voice
    rather than by what it says.

    Args:
        seen: of W windows that follow each other.
        heard: of the moments from (A - W) / 2 before the first window to as many after the last.
        silence: of a silent window.
        speakers: who each clip shows, by number.
        sharpness: factor of the similarities, the inverse temperature.

    Returns:
        The loss, and how often the right sound is the most similar.
    """
    (batch, windows), moments = seen.shape[:2], heard.shape[1]
    scores = sharpness * seen.flatten(0, 1) @ torch.cat([heard.flatten(0, 1), silence[None]]).T
    numbers = torch.arange(batch * moments, device=seen.device)
    reach = (moments - windows) // 2
    target = numbers.view(batch, moments)[:, reach : reach + windows].flatten()
    neighbours = (numbers - target[:, None]).abs() == 1
    strangers = speakers.repeat_interleave(windows)[:, None] != speakers.repeat_interleave(moments)
    scores[:, :-1] = scores[:, :-1].masked_fill(neighbours | strangers, -torch.inf)
    right = torch.arange(len(target), device=seen.device)
    loss = F.cross_entropy(scores, target) + F.cross_entropy(scores[:, target].T, right)
    return loss / 2, (scores.argmax(1) == target).float().mean()


def main() -> None:
    """Lightning's command line over this module and its data."""
    command(SyncTraining, MouthsAndSound)


if __name__ == "__main__":
    main()
