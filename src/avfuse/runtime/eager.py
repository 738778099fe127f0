"""The network as it is, call by call."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.frame_side import Speaker
from avfuse.runtime.runner import Planes
from avfuse.types import Condition


class EagerRunner:
    """Runs on any device, in the generator's own precision; what all others are compared with.

    Args:
        generator: in evaluation mode.
    """

    name = "eager"

    def __init__(self, generator: Generator) -> None:
        self.speaker = Speaker(generator)
        self._device = next(generator.parameters()).device

    @torch.inference_mode()
    def prepare(self, mel: Float[Tensor, "N 80 S"]) -> Condition:
        """The sound's side of a chunk."""
        return self.speaker.generator.prepare(mel.to(self._device).unsqueeze(0)).fold()

    @torch.inference_mode()
    def __call__(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """The frames' side of a chunk."""
        return Planes(*(p.cpu() for p in self.speaker(crops.to(self._device), condition)))
