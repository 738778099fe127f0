"""Fig. 1b: sound becomes landmarks, and the landmarks drive the image."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import FusionFactory
from avfuse.fusion.over_lips import POINTS, OverLips
from avfuse.layers.lstm import LSTM
from avfuse.types import LIP_UNIT, Condition, Dims


class LandmarkCascade(OverLips):
    """ATVGnet's cascade (Chen et al. 2019, eq. 1 to 5) over any strategy.

    `prepare` predicts the lips' landmarks from sound, as AT-net does: an LSTM, and a few principal
    components of the lips' shape. What goes on to the inner strategy, in the audio feature's place,
    is a code of the landmarks' *difference* from the reference, f(p) - f(p_ref); the image's side
    hears nothing else. The prediction learns from landmarks only (`losses`) and the image's losses
    stop before it, as in the paper, where the two networks are trained apart. The paper's VG-net
    concatenates, so its nearest inner strategy is [`ChannelConcat`][avfuse.ChannelConcat].

    It differs from the paper where that needs a standard head or a whole clip at once:

    - Landmarks are the 20 of the lips, upright and in units of the head's size, the clip's closed
      lips taken out (`Batch.lips1`). The reference is those, which are zero: what is predicted
      already is a difference, so generation needs no landmarks. How the lips stand in the frame at
      hand the inner strategy sees in the image.
    - The LSTM runs over the positions inside the mel window, not over the clip: frames stay
      independent, and a chunk is exactly its frames. A window of 16 steps has one position, of 48
      (0.6 s) six.
    - The components are a linear basis that is learnt with the rest: fitting it by squared error
      through so few coefficients needs no pass over the data beforehand, and keeps what of the
      lips' motion can be heard rather than what is largest. There is no boost (ω of eq. 4).
    - The image's side is trained on predicted landmarks rather than true ones.

    Args:
        dims: what the encoders publish.
        inner: the strategy of the image's side; like `fusion` itself it has no default.
        components: principal components of the lips' shape (ATVGnet: 6).
        layers: of the LSTM (ATVGnet: 3).
    """

    def __init__(
        self, dims: Dims, inner: FusionFactory, components: int = 6, layers: int = 3
    ) -> None:
        channels = dims.audio // dims.positions
        super().__init__(dims, inner, channels)
        if components < 1 or layers < 1:
            raise ValueError(f"components={components}, layers={layers}; expected at least one")
        self.lstm = LSTM(channels, channels, layers, batch_first=True)
        self.coefficients = nn.Linear(channels, components)
        self.basis = nn.Linear(components, POINTS * 2, bias=False)
        self.embed = nn.Sequential(
            nn.Linear(POINTS * 2, channels),
            nn.LeakyReLU(0.2),
            nn.Linear(channels, channels, bias=False),  # a bias has no part in a difference
        )

    def predict(self, audio: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 20 2"]:
        """AT-net (eq. 3 and 4): audio features to lip shapes, in units of typical lip motion."""
        steps = audio.reshape(-1, self.lstm.input_size, self.dims.positions).mT
        states, _ = self.lstm(steps)  # (N, positions, channels); the last one has heard them all
        lips = self.basis(self.coefficients(states[:, -1]))
        return lips.unflatten(1, (POINTS, 2)).unflatten(0, audio.shape[:2])

    def prepare(self, condition: Condition) -> Condition:
        """Predict (B, T, 20, 2) landmarks, and prepare the inner strategy for their code."""
        lips = self.predict(condition.audio)
        moved = lips.detach().flatten(2)
        code = self.embed(moved) - self.embed(torch.zeros_like(moved[:1, :1]))
        prepared = self.inner.prepare(condition._replace(audio=code))
        return prepared._replace(landmarks=lips * LIP_UNIT)
