"""Audio to mouth-related motion (section 3.2)."""

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.lstm import LSTM, State
from avfuse.methods.live_speech_portraits.points import MOUTH
from avfuse.methods.live_speech_portraits.speech import Paired

VALUES = 3 * len(MOUTH)
"""Numbers a frame: displacements in space of the points that speech moves."""


class AudioToMouth(nn.Module):
    """An LSTM that has heard d frames more than it shows (eq. 4), and an MLP (eq. 5).

    Its output after frame t + d is that of frame t: the delay is no part of the network, but of who
    reads it.

    Args:
        features: of a mel step's representation.
        width: of what a frame hears, and of the MLP; the LSTM's states have half of it.
    """

    def __init__(self, features: int, width: int = 512) -> None:
        super().__init__()
        self.listen = Paired(features, width)
        self.lstm = LSTM(width, width // 2, 3, batch_first=True)
        self.decode = nn.Sequential(
            nn.Linear(width // 2, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, VALUES),
        )

    def forward(
        self, heard: Float[Tensor, "B T F"], state: State | None = None
    ) -> tuple[Float[Tensor, "B T V"], State]:
        """Displacements, each of d frames before its place, of deviation 1; and the state."""
        m, state = self.lstm(self.listen(heard), state)
        return self.decode(m.flatten(0, 1)).unflatten(0, m.shape[:2]), state
