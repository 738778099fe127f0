"""The facial expression learner Ψ (section 3.2): from sound to PCA components of expression."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.methods.rhythmic_head_motion.head import EXPRESSIONS, canonical


class ExpressionLearner(nn.Module):
    """A window of sound and whose face it is, to the expression of its frame.

    The identity that the paper adds back to what comes out is the face model's own: components of
    expression are changes to a person's canonical landmarks.

    Args:
        steps: mel steps of the window.
        width: of the audio network's first layer.
    """

    def __init__(self, steps: int, width: int = 32) -> None:
        super().__init__()
        self.hear = AudioEncoder(steps, width)
        self.know = nn.Sequential(nn.Linear(68 * 3, 2 * width), nn.LeakyReLU(0.2))
        self.decode = nn.Sequential(
            nn.Linear(self.hear.dim + 2 * width, 8 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(8 * width, 8 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(8 * width, EXPRESSIONS),
        )

    def forward(
        self, heard: Float[Tensor, "N M S"], identity: Float[Tensor, "N I"]
    ) -> Float[Tensor, "N L"]:
        """Components of expression, each of deviation 1 over moments.

        Args:
            heard: mel windows.
            identity: of the face model: the landmark identity feature is made of it.
        """
        nothing = identity.new_zeros(len(identity), EXPRESSIONS)
        who = self.know(canonical(identity, nothing).flatten(1))
        return self.decode(torch.cat([self.hear(heard), who], 1))
