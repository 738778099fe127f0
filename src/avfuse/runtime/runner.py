"""What everything that runs a method's `draw` has in common: uint8 crops in, planes out."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from jaxtyping import UInt8
from torch import Tensor

from avfuse.method import Method
from avfuse.types import Nest, Planes


class Runner(ABC):
    """A method, ready to run in one way.

    The conversions from uint8 and to levels happen inside, where they can be fused, captured or
    exported together with the network.

    Attributes:
        name: what `runner_named` knows it by.
        ahead: chunks that may be under way while another one is pasted.
        method: what prepares, and is run; often a lean copy of what was given.
    """

    name: ClassVar[str]
    ahead: ClassVar[int] = 0
    method: Method

    @abstractmethod
    def draw(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        """Draw a chunk of frames.

        Args:
            images: RGB crops, on the CPU; None for a method that makes whole frames.
            condition: what `method.prepare` made of the same frames.
        """

    def submit(
        self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest
    ) -> Callable[[], Planes]:
        """Begin to draw a chunk.

        Returns:
            What waits for it and returns its planes; where nothing runs by itself, what draws it.
        """
        return partial(self.draw, images, condition)
