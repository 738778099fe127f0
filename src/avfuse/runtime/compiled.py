"""The network, compiled by torch."""

import os
import shutil

from jaxtyping import UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast
from avfuse.runtime.nest import mapped
from avfuse.runtime.padding import padded, padded_count
from avfuse.types import Nest, Planes


class CompiledRunner(EagerRunner):
    """`torch.compile` of the lean network, in bfloat16 where that holds.

    The first chunk of a size takes as long as the compiler does, seconds to a minute. So that few
    sizes are compiled, a chunk is filled up to the next power of two by its last frame. The sound's
    side is not compiled.

    Args:
        method: in evaluation mode.

    Raises:
        InputError: there is no compiler.
    """

    name = "compiled"

    def __init__(self, method: Method) -> None:
        if not has_compiler():
            raise InputError(
                "runner compiled: no C++ compiler found; install g++ or clang++, name one in CXX, "
                "or use --runner auto"
            )
        super().__init__(fast(method).method)
        # Freezing lets the compiler bring the weights into the order that its kernels read.
        self.frame_side.compile(dynamic=False, options={"freezing": True})

    def draw(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        count, filled = padded_count(images, condition)
        planes = super().draw(*padded((images, condition), filled))
        return mapped(planes, lambda plane: plane[:count])


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which torch.compile calls."""
    named = os.environ.get("CXX")
    return any(map(shutil.which, (named,) if named else ("g++", "clang++", "cl")))
