"""The network as an ONNX graph, run by onnxruntime."""

import importlib.util

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.frame_side import FrameSide
from avfuse.runtime.nest import mapped, tensors_of
from avfuse.runtime.parity import trial
from avfuse.runtime.runner import Runner
from avfuse.types import Nest, Planes


class OnnxRunner(Runner):
    """The frames' side as an ONNX graph in float32, what it is conditioned by among the inputs.

    The sound's side stays in torch. Making the graph takes some seconds.

    Args:
        method: in evaluation mode, on the CPU.

    Raises:
        InputError: the packages are missing, or the method is on a GPU.
    """

    name = "onnx"

    def __init__(self, method: Method) -> None:
        if method.device.type != "cpu":
            raise InputError(f"runner onnx: the model is on {method.device.type}; use --device cpu")
        if missing := [n for n in ("onnx", "onnxscript", "onnxruntime") if not _installed(n)]:
            raise InputError(
                f"runner onnx needs {', '.join(missing)}: pip install 'avfuse[onnx]', or use "
                "--runner auto"
            )
        import onnxruntime

        self.method = method.lean(torch.float32)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            exported(method), options, providers=["CPUExecutionProvider"]
        )
        # What the graph does not read, such as the feature behind the kernels, is no input of it.
        self._inputs = [argument.name for argument in self._session.get_inputs()]
        self._outputs = [argument.name for argument in self._session.get_outputs()]

    def draw(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        named = dict(zip(_names(images, condition), tensors_of((images, condition)), strict=True))
        feed = {name: named[name].numpy() for name in self._inputs}
        made = map(torch.from_numpy, self._session.run(self._outputs, feed))
        return Planes(**dict(zip(self._outputs, made, strict=True)))


def exported(method: Method) -> bytes:
    """The frames' side as an ONNX file, for any runtime that reads one.

    Inputs: `crops`, uint8 RGB (N, H, W, 3), and `condition_0`, `condition_1`, …: the tensors of
    the condition in order, for the frames. Outputs: `colour`, and `mask` and `flow` where there are
    such, as of [`Planes`][avfuse.types.Planes]. N is free; H and W are the method's size.

    Args:
        method: in evaluation mode, on the CPU.
    """
    network = method.lean(torch.float32)
    given = trial(method)
    images = None if given.seen is None else given.seen.images
    with torch.inference_mode():
        person = network.meet(given.references, None)
        condition, _ = network.prepare(given.heard.unsqueeze(0), given.seen, person, None)
        planes = FrameSide(network)(images, condition)
    tensors = [tensor.clone() for tensor in tensors_of((images, condition))]
    frames = {0: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        _Flat(FrameSide(network), (images, condition)).eval(),
        tuple(tensors),
        input_names=_names(images, condition),
        output_names=[name for name, plane in planes._asdict().items() if plane is not None],
        dynamic_shapes=((frames,) * len(tensors),),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # it is where no file is named
    return program.model_proto.SerializeToString()


class _Flat(nn.Module):
    """The frames' side with one argument a tensor, as ONNX has it."""

    def __init__(self, frame_side: FrameSide, example: tuple[Tensor | None, Nest]) -> None:
        super().__init__()
        self.frame_side = frame_side
        self._example = example

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        given = iter(tensors)
        planes = self.frame_side(*mapped(self._example, lambda _: next(given)))
        return tuple(plane for plane in planes if plane is not None)


def _names(images: Tensor | None, condition: Nest) -> list[str]:
    crops = [] if images is None else ["crops"]
    return [*crops, *(f"condition_{i}" for i, _ in enumerate(tensors_of(condition)))]


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
