"""The part of the generator that is compiled, captured or exported: uint8 in, planes out."""

from jaxtyping import UInt8
from torch import Tensor, nn

from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.runner import Planes
from avfuse.types import Condition


class Speaker(nn.Module):
    """A generator between crops as they are cut and planes as they are pasted."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """Draw a chunk, on the generator's device."""
        images = crops.permute(0, 3, 1, 2).float() / 255
        mask, flow, change, _ = self.generator.draw(images, condition)
        return Planes(mask.squeeze(1), (change * 255).movedim(1, -1), flow.movedim(1, -1))
