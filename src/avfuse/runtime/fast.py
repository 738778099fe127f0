"""The network as it runs fastest on its device while the picture stays the same."""

from pathlib import Path
from typing import NamedTuple

import torch

from avfuse.errors import InputError
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.methods.dynamic_kernels.lean import lean, narrow
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.parity import TOLERANCE, largest_error, trial


class Fast(NamedTuple):
    """A lean generator, and the precision of most of its layers."""

    generator: Generator
    dtype: torch.dtype


def fast(generator: Generator, dtype: torch.dtype | None = None) -> Fast:
    """The lean network, in bfloat16 where that holds.

    Args:
        generator: in evaluation mode, on the device where it is to run; it is left as it is.
        dtype: float32 or bfloat16; None for bfloat16 where the device computes in it and the
            picture stays within [`TOLERANCE`][avfuse.runtime.parity.TOLERANCE] of float32's.

    Raises:
        InputError: bfloat16 was asked for and does not hold.
    """
    device = next(generator.parameters()).device
    if dtype == torch.float32 or (dtype is None and not has_bfloat16(device)):
        return Fast(lean(generator), torch.float32)
    narrowed = lean(generator)
    narrow(narrowed, torch.bfloat16)
    error = largest_error(EagerRunner(narrowed), EagerRunner(generator), *trial(generator))
    if error <= TOLERANCE:
        return Fast(narrowed, torch.bfloat16)
    if dtype is None:
        return Fast(lean(generator), torch.float32)
    raise InputError(
        f"in bfloat16 pixels are up to {error:.1f} levels off, more than {TOLERANCE:g}; use float32"
    )


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16; of processors, as far as Linux says."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)
