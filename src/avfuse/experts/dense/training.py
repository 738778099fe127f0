"""Training of the network of dense points.

    python -m avfuse.experts.dense.training fit --config faces/dense

writes the weights file that the recipe names when the training ends.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.experts.dense.data import DenseFaces
from avfuse.experts.dense.samples import Meshes
from avfuse.experts.training import ExpertTraining, command
from avfuse.faces.dense import DenseNet, save_dense_net
from avfuse.faces.landmarks import LandmarkNet, load_net
from avfuse.geometry.dense import INNER_LIPS, LANDMARKS, OUTER_LIPS

LIPS = np.concatenate([OUTER_LIPS, INNER_LIPS])
"""The dense points of the lips' two rings."""

CORNERS = LANDMARKS[[36, 45]]
"""Outer corners of the eyes, left and right in the picture."""


class DenseTraining(ExpertTraining):
    """Trains [`DenseNet`][avfuse.faces.dense.DenseNet] on points, lips counting more.

    It begins at the mean face of its data, and at the first half of the landmark network.

    Args:
        rate: highest learning rate of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        lips: how much more than others the points of the lips' rings count.
        depth: how much depth counts, beside x and y.
        output: where the weights are written when the training ends; None writes none.
        credit: what the weights file says of the data and their licences.
    """

    def __init__(
        self,
        rate: float = 2e-3,
        weight_decay: float = 0.02,
        lips: float = 3.0,
        depth: float = 0.5,
        output: str | None = None,
        credit: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = DenseNet()
        start_from(self.net, load_net())
        self.net.to(memory_format=torch.channels_last)
        weights = torch.ones(468, 1)
        weights[LIPS] = lips
        self.weights: Tensor
        weights = weights / weights.mean() * torch.tensor([1.0, 1.0, depth])
        self.register_buffer("weights", weights, persistent=False)

    def setup(self, stage: str) -> None:
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, DenseFaces):
            self.net.start_at(data.mean_points())

    def forward(self, images: Float[Tensor, "N 3 112 112"]) -> Float[Tensor, "N 468 3"]:
        return self.net(images.contiguous(memory_format=torch.channels_last)).float()

    def training_step(self, batch: Meshes, batch_index: int) -> Tensor:
        off = F.smooth_l1_loss(self(batch.images), batch.points, reduction="none")
        loss = (off * self.weights).sum(-1).mean()
        self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def validation_step(self, batch: Meshes, batch_index: int, dataloader_idx: int = 0) -> None:
        place, depth = errors(self(batch.images), batch.points)
        values = {"error": place.mean(), "lips": place[:, LIPS].mean(), "depth": depth.mean()}
        name = f"val/{('speakers', 'portraits')[dataloader_idx]}"
        named = {f"{name}/{k}": v for k, v in values.items()}
        self.log_dict(named, prog_bar=True, add_dataloader_idx=False, batch_size=len(place))

    def write(self, path: Path) -> None:
        save_dense_net(self.net, path, self.hparams["credit"])


def start_from(net: DenseNet, trained: LandmarkNet) -> None:
    """Take over the parts that both networks have."""
    for name in ("stem", "down4", "down8", "down16"):
        net.get_submodule(name).load_state_dict(trained.get_submodule(name).state_dict())


def errors(
    points: Float[Tensor, "N 468 3"], target: Float[Tensor, "N 468 3"]
) -> tuple[Float[Tensor, "N 468"], Float[Tensor, "N 468"]]:
    """How far points lie off in the picture, and in depth: percent of the eyes' distance.

    That is the distance between their outer corners in the picture, as the target has them.
    """
    left, right = target[:, CORNERS, :2].unbind(1)
    off = 100 * (points - target) / (right - left).norm(dim=-1)[:, None, None]
    return off[..., :2].norm(dim=-1), off[..., 2].abs()


def main() -> None:
    """Lightning's command line over this module and its data."""
    command(DenseTraining, DenseFaces)


if __name__ == "__main__":
    main()
