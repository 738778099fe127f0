"""What the lips are, beside what they shall be: so they need not be read off the picture."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.fusion.base import Fusion, FusionFactory
from avfuse.fusion.over_lips import POINTS
from avfuse.types import LIP_UNIT, Batch, Condition, Dims, Fused, Pyramid

_FACE_NOISE, _FRAME_NOISE = 0.5, 0.25
"""Of the lips that are given, in typical lip motions: as far as landmarks of two readers differ."""


class GivenLips(Fusion):
    """The lips that a frame shows before it speaks, told to any strategy together with the sound.

    A network that has to see for itself how far the given lips are open learns it of the people it
    is trained on; on others, part of the given motion is left in the picture. Landmarks say it of
    anybody, so they are read at use too: a model with this strategy asks for them.

    Args:
        dims: what the encoders publish.
        inner: the strategy of sound and image; like `fusion` itself it has no default.
        width: of the feature that stands for the given lips, beside the audio feature.
    """

    sees_lips = True

    def __init__(self, dims: Dims, inner: FusionFactory, width: int = 64) -> None:
        super().__init__(dims)
        if width < 1:
            raise ValueError(f"width={width}; expected at least 1")
        self.inner = inner(Dims(dims.visual, dims.audio + width))
        self.embed = nn.Sequential(
            nn.Linear(POINTS * 2, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )

    def prepare(self, condition: Condition) -> Condition:
        """The code of (B, T, 20, 2) given lips behind the audio feature, for the inner strategy."""
        code = self.embed(self._seen(condition).flatten(2))
        both = torch.cat([condition.audio, code], -1)
        return self.inner.prepare(condition._replace(audio=both, given=None))

    def forward(self, features: Pyramid, condition: Condition) -> Fused:
        """The inner strategy's."""
        fused: Fused = self.inner(features, condition)
        return fused

    def losses(self, aux: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """The inner strategy's."""
        return self.inner.losses(aux, batch)

    def _seen(self, condition: Condition) -> Float[Tensor, "B T 20 2"]:
        """In typical lip motions; the mean face's, 0, where nobody looked.

        Labels in training and what is read at use differ, by face and by frame: so does this.
        """
        audio = condition.audio
        if condition.given is None:
            return audio.new_zeros(*audio.shape[:2], POINTS, 2)
        seen = (condition.given / LIP_UNIT).to(audio.dtype)
        if not self.training:
            return seen
        of_face = _FACE_NOISE * torch.randn_like(seen[:, :1])
        return seen + of_face + _FRAME_NOISE * torch.randn_like(seen)
