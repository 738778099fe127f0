"""The network on a CPU, as fast as it goes without a compiler."""

from pathlib import Path

import torch

from avfuse.errors import InputError
from avfuse.generator import Generator
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.lean import lean, narrow
from avfuse.runtime.parity import TOLERANCE, largest_error, trial
from avfuse.runtime.speaker import Speaker


class FastCpuRunner(EagerRunner):
    """The lean network, channels last, in bfloat16 where that holds.

    Both sides run for a whole chunk at a time, so that weights are read once and no call or
    allocation is made for a frame alone.

    Args:
        generator: in evaluation mode, on the CPU.
        dtype: float32 or bfloat16; None for bfloat16 where the processor computes in it and the
            picture stays within [`TOLERANCE`][avfuse.runtime.parity.TOLERANCE] of float32's.

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
        super().__init__(lean(generator))
        self.dtype = torch.float32
        if dtype == torch.bfloat16 or (dtype is None and has_bfloat16()):
            self._try_bfloat16(generator, required=dtype is not None)

    def _try_bfloat16(self, generator: Generator, required: bool) -> None:
        exact = self.speaker
        self.speaker = Speaker(lean(generator))
        narrow(self.speaker.generator, torch.bfloat16)
        error = largest_error(self, EagerRunner(generator), *trial(generator))
        if error <= TOLERANCE:
            self.dtype = torch.bfloat16
            return
        if required:
            raise InputError(
                f"runner fast-cpu: in bfloat16 pixels are up to {error:.1f} levels off, more than "
                f"{TOLERANCE:g}; use float32"
            )
        self.speaker = exact


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16, as far as Linux says; else it would be slower."""
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)
