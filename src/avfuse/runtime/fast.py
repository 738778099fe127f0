"""The method as it runs fastest on its device while the picture stays the same."""

from pathlib import Path
from typing import NamedTuple

import torch

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.parity import TOLERANCE, largest_error, trial


class Fast(NamedTuple):
    """A lean method, and the precision of most of its layers."""

    method: Method
    dtype: torch.dtype


def fast(method: Method, dtype: torch.dtype | None = None) -> Fast:
    """The lean method, in bfloat16 where that holds.

    Args:
        method: in evaluation mode, on the device where it is to run; it is left as it is.
        dtype: float32 or bfloat16; None for bfloat16 where the device and the method compute in it
            and the picture stays within [`TOLERANCE`][avfuse.runtime.parity.TOLERANCE] of
            float32's.

    Raises:
        InputError: bfloat16 was asked for and does not hold.
    """
    if dtype == torch.float32 or (dtype is None and not has_bfloat16(method.device)):
        return Fast(method.lean(torch.float32), torch.float32)
    try:
        narrowed = method.lean(torch.bfloat16)
    except InputError:
        if dtype is not None:
            raise
        return Fast(method.lean(torch.float32), torch.float32)
    error = largest_error(EagerRunner(narrowed), EagerRunner(method), trial(method))
    if error <= TOLERANCE:
        return Fast(narrowed, torch.bfloat16)
    if dtype is None:
        return Fast(method.lean(torch.float32), torch.float32)
    raise InputError(
        f"in bfloat16 pixels are up to {error:.1f} levels off, more than {TOLERANCE:g}; use float32"
    )


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16 faster than in float32.

    Of a processor, where Linux lists the instructions and oneDNN, which convolves, uses them.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    return _has_instructions() and _is_convolved_in_bfloat16()


def _has_instructions() -> bool:
    """What oneDNN does not say: to AVX-512 alone it says yes, and computes it slower."""
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(words)


def _is_convolved_in_bfloat16() -> bool:
    """What the processor does not say: torch without oneDNN, or oneDNN held back.

    ONEDNN_MAX_CPU_ISA holds it back; it then converts every number, eight times as slow as float32.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
