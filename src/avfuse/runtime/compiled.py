"""The network, compiled by torch."""

import os
import shutil

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast
from avfuse.runtime.runner import Planes
from avfuse.types import Condition


class CompiledRunner:
    """`torch.compile` of the lean network, in bfloat16 where that holds.

    The first chunk of a size takes as long as the compiler does, seconds to a minute. So that few
    sizes are compiled, a chunk is filled up to the next power of two by its last frame.

    Args:
        generator: in evaluation mode.

    Raises:
        InputError: there is no compiler.
    """

    name = "compiled"

    def __init__(self, generator: Generator) -> None:
        if not has_compiler():
            raise InputError(
                "runner compiled: no C++ compiler found; install g++ or clang++, name one in CXX, "
                "or use --runner auto"
            )
        self._runner = EagerRunner(fast(generator).generator)
        # Freezing lets the compiler bring the weights into the order that its kernels read.
        self._runner.speaker.compile(dynamic=False, options={"freezing": True})

    def prepare(self, mel: Float[Tensor, "N 80 S"]) -> Condition:
        """The sound's side of a chunk; not compiled, since it is one product a layer already."""
        return self._runner.prepare(mel)

    def __call__(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """The frames' side of a chunk."""
        count = len(crops)
        missing = (1 << (count - 1).bit_length()) - count

        def filled(tensor: Tensor) -> Tensor:
            return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])])

        planes = self._runner(filled(crops), condition.map(filled))
        return Planes(*(plane[:count] for plane in planes))


def has_compiler() -> bool:
    """Whether there is a C++ compiler, which torch.compile calls."""
    named = os.environ.get("CXX")
    return any(map(shutil.which, (named,) if named else ("g++", "clang++", "cl")))
