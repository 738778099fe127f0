"""The network as it is, call by call."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from avfuse.method import Method
from avfuse.runtime.frame_side import FrameSide
from avfuse.runtime.nest import mapped
from avfuse.runtime.runner import Runner
from avfuse.types import Nest, Planes


class EagerRunner(Runner):
    """Runs on any device, in the method's own precision; what all others are compared with.

    Args:
        method: in evaluation mode.
    """

    name = "eager"

    def __init__(self, method: Method) -> None:
        self.method = method
        self.frame_side = FrameSide(method)
        self._device = method.device

    @torch.inference_mode()
    def draw(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        moved = None if images is None else images.to(self._device)
        return mapped(self.frame_side(moved, condition), Tensor.cpu)
