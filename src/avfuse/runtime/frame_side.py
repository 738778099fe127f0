"""The part of a method that is compiled, captured or exported: uint8 in, planes out."""

from jaxtyping import UInt8
from torch import Tensor, nn

from avfuse.method import Method
from avfuse.types import Nest, Planes


class FrameSide(nn.Module):
    """A method's `draw` between crops as they are cut and planes as they are pasted."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        """Draw a chunk, on the method's device."""
        pixels = None if images is None else images.permute(0, 3, 1, 2).float() / 255
        colour, mask, flow, _ = self.method.draw(pixels, condition)
        return Planes(
            (colour * 255).movedim(1, -1),
            None if mask is None else mask.squeeze(1),
            None if flow is None else flow.movedim(1, -1),
        )
