"""Training of the landmark network.

    python -m avfuse.experts.landmarks.training fit --config faces/landmarks

writes the weights file that the recipe names when the training ends.
"""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.experts.landmarks.data import Faces, LandmarkFaces
from avfuse.experts.training import ExpertTraining, command
from avfuse.faces.landmarks import SIZE, LandmarkNet, centres, save_net
from avfuse.geometry.box import MOUTH

UPPER, LOWER = [61, 62, 63], [67, 66, 65]
"""Inner lips, the points above one another."""


class Terms(NamedTuple):
    """The losses, unweighted.

    Attributes:
        heat: cross entropy between the heatmaps and narrow Gaussians at the labels.
        points: distance of the points, lips counting more, in pixels.
        aperture: error of the inner lips' opening, in pixels.
        face: cross entropy of the confidence.
    """

    heat: Tensor
    points: Tensor
    aperture: Tensor
    face: Tensor


class LandmarkTraining(ExpertTraining):
    """Trains [`LandmarkNet`][avfuse.faces.landmarks.LandmarkNet] on heatmaps, points and lips.

    Args:
        rate: highest learning rate of the one-cycle schedule (AdamW).
        weight_decay: of AdamW.
        lips: how much more than others the points of the mouth count.
        aperture: weight of the inner lips' opening.
        face: weight of the confidence.
        output: where the weights are written when the training ends; None writes none.
        credit: what the weights file says of the data and their licences.
    """

    def __init__(
        self,
        rate: float = 3e-3,
        weight_decay: float = 0.02,
        lips: float = 3.0,
        aperture: float = 2.0,
        face: float = 1.0,
        output: str | None = None,
        credit: str = "",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = LandmarkNet()
        self.net.to(memory_format=torch.channels_last)
        weights = torch.ones(68)
        weights[MOUTH] = lips
        self.weights: Tensor
        self.register_buffer("weights", weights / weights.mean(), persistent=False)

    def forward(self, images: Float[Tensor, "N 3 H W"]) -> tuple[Tensor, Tensor]:
        """Heatmaps in float32, where centres of mass need it, and the logits of a face."""
        heat, face = self.net(images.contiguous(memory_format=torch.channels_last))
        return heat.float(), face.float()

    def training_step(self, batch: Faces, batch_index: int) -> Tensor:
        terms = self._terms(batch)
        h = self.hparams
        loss = terms.heat + terms.points + h["aperture"] * terms.aperture + h["face"] * terms.face
        self.log_dict({f"train/{k}": v.detach() for k, v in terms._asdict().items()})
        return loss

    def _terms(self, batch: Faces) -> Terms:
        heat, face = self(batch.images)
        confidence = F.binary_cross_entropy_with_logits(face, batch.is_face.float())
        heat, target = heat[batch.is_face], batch.landmarks[batch.is_face]
        points = centres(heat)
        # Nothing is asked of points beyond the picture's edge: no heatmap reaches there.
        inside = ((target > 0) & (target < SIZE - 1)).all(-1) * self.weights
        distance = F.smooth_l1_loss(points, target, reduction="none", beta=0.5).sum(-1)
        opening = [(p[:, LOWER] - p[:, UPPER]).mean(1) for p in (points, target)]
        return Terms(
            (cross_entropy(heat, target) * inside).mean(),
            (distance * inside).mean(),
            F.smooth_l1_loss(opening[0], opening[1], beta=0.25),
            confidence,
        )

    def validation_step(self, batch: Faces, batch_index: int, dataloader_idx: int = 0) -> None:
        heat, face = self(batch.images)
        right = ((face > 0) == batch.is_face).float().mean()
        points, target = centres(heat)[batch.is_face], batch.landmarks[batch.is_face]
        eyes = (target[:, 45] - target[:, 36]).norm(dim=-1)
        error = 100 * (points - target).norm(dim=-1) / eyes[:, None]
        values = {"error": error.mean(), "mouth": error[:, MOUTH].mean(), "faces_right": right}
        name = f"val/{('seen', 'unseen')[dataloader_idx]}"
        named = {f"{name}/{k}": v for k, v in values.items()}
        self.log_dict(named, prog_bar=True, add_dataloader_idx=False, batch_size=len(face))

    def write(self, path: Path) -> None:
        save_net(self.net, path, self.hparams["credit"])


def cross_entropy(
    heat: Float[Tensor, "N P h w"], target: Float[Tensor, "N P 2"], width: float = 1.0
) -> Float[Tensor, "N P"]:
    """How little of each heatmap lies where its point is.

    Args:
        heat: logits.
        target: points in pixels of the network's input.
        width: standard deviation of the Gaussian around a point, in cells.
    """
    rows, columns = heat.shape[2:]
    cells = (target + 0.5) * (columns / SIZE) - 0.5

    def bell(length: int, place: Tensor) -> Tensor:
        axis = torch.arange(length, device=heat.device)
        weight = torch.exp(-0.5 * ((axis - place[..., None]) / width) ** 2)
        return weight / weight.sum(-1, keepdim=True).clamp_min(1e-6)

    wanted = bell(rows, cells[..., 1])[..., None] * bell(columns, cells[..., 0])[..., None, :]
    return -(wanted * heat.flatten(2).log_softmax(-1).view_as(heat)).sum((2, 3))


def main() -> None:
    """Lightning's command line over this module and its data."""
    command(LandmarkTraining, LandmarkFaces)


if __name__ == "__main__":
    main()
