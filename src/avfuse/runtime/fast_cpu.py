"""The network on a CPU, as fast as it goes without a compiler."""

import torch

from avfuse.errors import InputError
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast


class FastCpuRunner(EagerRunner):
    """The lean network, channels last, in bfloat16 where that holds.

    Both sides run for a whole chunk at a time, so that weights are read once and no call or
    allocation is made for a frame alone.

    Args:
        generator: in evaluation mode, on the CPU.
        dtype: as of [`fast`][avfuse.runtime.fast.fast].

    Attributes:
        dtype: what was taken.

    Raises:
        InputError: the generator is on a GPU, or bfloat16 was asked for and does not hold.
    """

    name = "fast-cpu"

    def __init__(self, generator: Generator, dtype: torch.dtype | None = None) -> None:
        device = next(generator.parameters()).device.type
        if device != "cpu":
            raise InputError(f"runner fast-cpu: the model is on {device}; use --device cpu")
        network, self.dtype = fast(generator, dtype)
        super().__init__(network)
