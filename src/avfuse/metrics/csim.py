"""Identity: whether a face recogniser takes the generated face for the same person."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.metrics.base import Mean, comparable


def csim(prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
    """Cosine of the angle between face embeddings, as in "Rhythmic Head Motion" (Chen et al. 2020).

    Args:
        prediction: embeddings of the generated faces; NaN where there is no face. Those of
            insightface's ArcFace, which papers use, are the `embedding` of the faces that
            `avfuse.faces.insightface.InsightFaceTracker` finds.
        target: embeddings of the person, by the same network.

    Returns:
        In [-1, 1], (N,).

    Raises:
        ValueError: if the shapes differ.
    """
    return F.cosine_similarity(*comparable(prediction, target))


class CSIM(Mean):
    """Cosine similarity of face embeddings, [`csim`][avfuse.metrics.csim.csim].

    The mean over frames that have a face in both. Unit: none, in [-1, 1]. Higher is better.
    Values depend on the network that embeds: name it beside them.
    """

    is_differentiable = True
    higher_is_better = True

    def update(self, prediction: Float[Tensor, "N D"], target: Float[Tensor, "N D"]) -> None:
        self.add(csim(prediction, target))
