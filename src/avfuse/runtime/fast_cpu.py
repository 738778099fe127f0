"""The network on a CPU, as fast as it goes without a compiler."""

import torch

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast


class FastCpuRunner(EagerRunner):
    """The lean network, channels last, in bfloat16 where that holds.

    Both sides run for a whole chunk at a time, so that weights are read once and no call or
    allocation is made for a frame alone.

    Args:
        method: in evaluation mode, on the CPU.
        dtype: as of [`fast`][avfuse.runtime.fast.fast].

    Attributes:
        dtype: what was taken.

    Raises:
        InputError: the method is on a GPU, or bfloat16 was asked for and does not hold.
    """

    name = "fast-cpu"

    def __init__(self, method: Method, dtype: torch.dtype | None = None) -> None:
        if method.device.type != "cpu":
            raise InputError(
                f"runner fast-cpu: the model is on {method.device.type}; use --device cpu"
            )
        network, self.dtype = fast(method, dtype)
        super().__init__(network)
