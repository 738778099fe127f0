"""The network as an ONNX graph, run by onnxruntime."""

import importlib.util

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.methods.dynamic_kernels.lean import lean
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.frame_side import Speaker
from avfuse.runtime.parity import trial
from avfuse.runtime.runner import Planes, tensors_of
from avfuse.types import Condition


class OnnxRunner:
    """The frames' side as an ONNX graph in float32, its kernels among the inputs.

    The sound's side stays in torch. Making the graph takes some seconds.

    Args:
        generator: in evaluation mode, on the CPU.

    Raises:
        InputError: the packages are missing, or the generator is on a GPU.
    """

    name = "onnx"

    def __init__(self, generator: Generator) -> None:
        device = next(generator.parameters()).device.type
        if device != "cpu":
            raise InputError(f"runner onnx: the model is on {device}; use --device cpu")
        if missing := [n for n in ("onnx", "onnxscript", "onnxruntime") if not _installed(n)]:
            raise InputError(
                f"runner onnx needs {', '.join(missing)}: pip install 'avfuse[onnx]', or use "
                "--runner auto"
            )
        import onnxruntime

        self._eager = EagerRunner(lean(generator))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            exported(generator), options, providers=["CPUExecutionProvider"]
        )
        # What the graph does not read, such as the feature behind the kernels, is no input of it.
        self._inputs = [argument.name for argument in self._session.get_inputs()]

    def prepare(self, mel: Float[Tensor, "N 80 S"]) -> Condition:
        """The sound's side of a chunk."""
        return self._eager.prepare(mel)

    def __call__(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """The frames' side of a chunk."""
        named = {"crops": crops} | {_name(i): t for i, t in enumerate(tensors_of(condition))}
        feed = {name: named[name].numpy() for name in self._inputs}
        return Planes(*map(torch.from_numpy, self._session.run(list(Planes._fields), feed)))


def exported(generator: Generator) -> bytes:
    """The frames' side as an ONNX file, for any runtime that reads one.

    Inputs: `crops`, uint8 RGB (N, H, W, 3), and `condition_0`, `condition_1`, …: the tensors of
    the [`Condition`][avfuse.Condition] in order, for the frames. Outputs: `mask`, `change`, `flow`
    as of [`Planes`][avfuse.runtime.runner.Planes]. N is free; H and W are the generator's size.

    Args:
        generator: in evaluation mode, on the CPU.
    """
    network = lean(generator)
    crops, mel = trial(generator)
    with torch.inference_mode():
        condition = network.prepare(mel.unsqueeze(0)).fold()
    tensors = tensors_of(condition)
    frames = {0: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        _Flat(Speaker(network), condition).eval(),
        (crops, *(t.clone() for t in tensors)),
        input_names=["crops", *(_name(i) for i in range(len(tensors)))],
        output_names=list(Planes._fields),
        dynamic_shapes=(frames, (frames,) * len(tensors)),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # it is where no file is named
    return program.model_proto.SerializeToString()


class _Flat(nn.Module):
    """A speaker whose condition comes as one argument a tensor, as ONNX has it."""

    def __init__(self, speaker: Speaker, example: Condition) -> None:
        super().__init__()
        self.speaker = speaker
        self._example = example

    def forward(self, crops: UInt8[Tensor, "N H W 3"], *tensors: Tensor) -> Planes:
        given = iter(tensors)
        return self.speaker(crops, self._example.map(lambda _: next(given)))


def _name(index: int) -> str:
    return f"condition_{index}"


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
