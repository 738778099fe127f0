"""A narrow middle: the kernels know of the sound what shape it gives the lips, and nothing else."""

from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import FusionFactory
from avfuse.fusion.over_lips import POINTS, OverLips
from avfuse.types import LIP_UNIT, Condition, Dims


class LipShape(OverLips):
    """Sound to the shape of the lips, by a network of its own, over any strategy.

    The two sides meet in 20 points, and each learns from what teaches it best: the image's side
    from true shapes, whoever's face it is and whatever was said; the sound's side from any speech
    whose lips are known. So the picture does as it is told from the first step, and what the sound
    does not say it need not guess. Zero is the clip's closed lips: silence is rest.

    It differs from [`LandmarkCascade`][avfuse.LandmarkCascade], the paper's baseline after ATVGnet,
    in both: there an LSTM runs over the window's positions, and the image learns from what it said.

    Args:
        dims: what the encoders publish.
        inner: the strategy of the image's side; like `fusion` itself it has no default.
        width: of the feature that stands for the lips in the audio feature's place.
        hidden: width of the two layers that tell the lips from the sound.
        dropout: of the audio feature and between those, in training: few people are filmed.
    """

    def __init__(
        self,
        dims: Dims,
        inner: FusionFactory,
        width: int = 128,
        hidden: int = 256,
        dropout: float = 0.5,
    ) -> None:
        if min(width, hidden) < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"width={width}, hidden={hidden}, dropout={dropout}; expected positive widths and "
                f"a dropout from 0 to below 1"
            )
        super().__init__(dims, inner, width)
        self.tell = nn.Sequential(
            nn.BatchNorm1d(dims.audio),
            nn.Dropout(dropout),
            nn.Linear(dims.audio, hidden),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, POINTS * 2),
        )
        self.embed = nn.Sequential(
            nn.Linear(POINTS * 2, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )

    def predict(self, audio: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 20 2"]:
        """Each frame's by itself."""
        return (
            self.tell(audio.flatten(0, 1)).unflatten(1, (POINTS, 2)).unflatten(0, audio.shape[:2])
        )

    def prepare(self, condition: Condition) -> Condition:
        """Predict (B, T, 20, 2) lip shapes; the inner strategy is given these, or the true ones."""
        told = self.predict(condition.audio)
        true = condition.landmarks
        shape = told.detach() if true is None else (true / LIP_UNIT).to(told.dtype)
        prepared = self.inner.prepare(condition._replace(audio=self.embed(shape.flatten(2))))
        return prepared._replace(landmarks=told * LIP_UNIT)
