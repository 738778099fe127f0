"""The network as CUDA graphs: one launch a chunk instead of one a kernel."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.methods.dynamic_kernels.generator import Generator
from avfuse.runtime.cuda import Cuda
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast
from avfuse.runtime.frame_side import Speaker
from avfuse.runtime.runner import Planes, tensors_of
from avfuse.types import Condition

T = TypeVar("T")


@runtime_checkable
class Accelerator(Protocol):
    """What the bookkeeping needs of a device; [`Cuda`][avfuse.runtime.cuda.Cuda] is the one."""

    device: torch.device

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """Capture work; its result, and what replays it into that same memory."""

    def pinned(self, like: Tensor) -> Tensor:
        """Host memory of that shape and type."""

    def staging(self, like: Tensor) -> Tensor:
        """Device memory of that shape and type, for uploads."""

    def upload(self, host: Tensor, device: Tensor) -> None:
        """Start a copy to staging memory."""

    def download(self, device: Sequence[Tensor], host: Sequence[Tensor]) -> Callable[[], None]:
        """Start copies to the host; what waits for them."""


class CudaGraphRunner:
    """The lean network; every batch size is captured when it first comes, and replayed after that.

    Inputs are copied to where the graph reads them, on a stream of their own, out of pinned memory
    that is there twice: a chunk can be filled in and sent while the one before is still computed.

    For other weights or shapes there is `recapture`.

    Args:
        generator: in evaluation mode, on a GPU.
        size: pixels a side of the crops; the generator's own unless given.
        dtype: as of [`fast`][avfuse.runtime.fast.fast].
        accelerator: what captures and copies; the generator's GPU unless given.

    Attributes:
        dtype: what was taken.

    Raises:
        InputError: the generator is not on a GPU, or bfloat16 was asked for and does not hold.
    """

    name = "cuda-graph"

    def __init__(
        self,
        generator: Generator,
        size: int | None = None,
        dtype: torch.dtype | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        device = next(generator.parameters()).device
        if accelerator is None and device.type != "cuda":
            raise InputError(f"runner cuda-graph: the model is on {device.type}; use --device cuda")
        self._generator, self._asked = generator, dtype
        self._accelerator = accelerator or Cuda(device)
        self.size = size or generator.size
        self.recapture()

    def recapture(self, size: int | None = None) -> None:
        """Forget all graphs; chunks that come make them anew.

        Args:
            size: of the crops from now on; unchanged unless given.

        Raises:
            InputError: as when it was made, for weights have changed.
        """
        network, self.dtype = fast(self._generator, self._asked)
        self.size = size or self.size
        self._eager = EagerRunner(network)
        self._captured: dict[int, _Captured] = {}

    def prepare(self, mel: Float[Tensor, "N 80 S"]) -> Condition:
        """The sound's side of a chunk; not captured: it is one product a layer, once a chunk."""
        return self._eager.prepare(mel)

    def __call__(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Planes:
        """The frames' side of a chunk.

        Raises:
            ValueError: as `submit`.
        """
        return self.submit(crops, condition)()

    @torch.inference_mode()
    def submit(self, crops: UInt8[Tensor, "N H W 3"], condition: Condition) -> Callable[[], Planes]:
        """Start a chunk and return at once.

        Returns:
            What waits for the chunk and returns its planes, whenever it is called.

        Raises:
            ValueError: crops or condition have another shape than what was captured.
        """
        count, *size = crops.shape[:3]
        if size != [self.size, self.size]:
            raise ValueError(
                f"crops are {size[1]}x{size[0]}, the graphs are for {self.size}x{self.size}; "
                f"give it such, or make the graphs anew with recapture(size)"
            )
        if count not in self._captured:
            speaker = self._eager.speaker
            self._captured[count] = _Captured(speaker, crops, condition, self._accelerator)
        return self._captured[count].submit(crops, condition)


class _Captured:
    """The graph of one batch size, and the memory that it reads and writes."""

    def __init__(
        self, speaker: Speaker, crops: Tensor, condition: Condition, accelerator: Accelerator
    ) -> None:
        self._accelerator = accelerator
        self._crops = crops.to(accelerator.device, copy=True)
        self._condition = condition.map(torch.clone)
        self._planes, self._replay = accelerator.record(
            lambda: Planes(*(p.contiguous() for p in speaker(self._crops, self._condition)))
        )
        self._turns = itertools.cycle(
            [_Turn(accelerator, self._crops, self._planes) for _ in range(2)]
        )

    def submit(self, crops: Tensor, condition: Condition) -> Callable[[], Planes]:
        given, wanted = tensors_of(condition), tensors_of(self._condition)
        shapes, expected = ([tuple(t.shape) for t in tensors] for tensors in (given, wanted))
        if shapes != expected:
            raise ValueError(
                f"the condition's tensors are {shapes}, the graph is for {expected}; "
                f"make the graphs anew with recapture()"
            )
        turn = next(self._turns)
        turn.send(crops)
        self._crops.copy_(turn.staged)
        for target, source in zip(wanted, given, strict=True):
            target.copy_(source)
        self._replay()
        return turn.fetch(self._planes)


class _Turn:
    """One of the two chunks that may be under way: pinned memory for what goes in and comes out."""

    def __init__(self, accelerator: Accelerator, crops: Tensor, planes: Planes) -> None:
        self._accelerator = accelerator
        self._sent = accelerator.pinned(crops)
        self._received = Planes(*map(accelerator.pinned, planes))
        self._result: Callable[[], Planes] = lambda: self._received
        self.staged = accelerator.staging(crops)

    def send(self, crops: Tensor) -> None:
        """Start to copy crops to `staged`, once this turn's chunk before is through."""
        self._result()
        self._sent.copy_(crops)
        self._accelerator.upload(self._sent, self.staged)

    def fetch(self, planes: Planes) -> Callable[[], Planes]:
        """Start to copy planes to the host; what waits and returns a copy that stays."""
        wait = self._accelerator.download(planes, self._received)
        kept: list[Planes] = []

        def result() -> Planes:
            if not kept:
                wait()
                kept.append(Planes(*map(torch.clone, self._received)))
            return kept[0]

        self._result = result
        return result
