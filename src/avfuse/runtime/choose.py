"""Which runner a name means, and which one suits this machine."""

import logging

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.runner import Runner

RUNNERS = ("auto", "eager", "fast-cpu", "compiled", "onnx", "cuda-graph")
"""Names that `runner_named` knows."""

_log = logging.getLogger(__name__)


def runner_named(name: str, method: Method) -> Runner:
    """Make a method ready to run.

    Args:
        name: `auto` is `cuda-graph` where the method is on a GPU, else `fast-cpu`. `cuda-graph`
            without a GPU falls back to `auto` and logs one line.
        method: in evaluation mode, on the device where it is to run.

    Raises:
        InputError: for another name, or a runner that cannot run here.
    """
    on_gpu = method.device.type == "cuda"
    match name:
        case "eager":
            from avfuse.runtime.eager import EagerRunner

            return EagerRunner(method)
        case "cuda-graph" | "auto" if on_gpu:
            from avfuse.runtime.cuda_graph import CudaGraphRunner

            return CudaGraphRunner(method)
        case "cuda-graph":
            _log.warning("runner cuda-graph needs a GPU and the model is on the CPU: auto instead")
            return runner_named("auto", method)
        case "fast-cpu" | "auto":
            from avfuse.runtime.fast_cpu import FastCpuRunner

            return FastCpuRunner(method)
        case "compiled":
            from avfuse.runtime.compiled import CompiledRunner

            return CompiledRunner(method)
        case "onnx":
            from avfuse.runtime.onnx import OnnxRunner

            return OnnxRunner(method)
        case _:
            raise InputError(f"runner {name!r} is unknown; expected {', '.join(RUNNERS)}")
