"""The network as CUDA graphs: one launch a chunk instead of one a kernel."""

import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.cuda import Cuda
from avfuse.runtime.eager import EagerRunner
from avfuse.runtime.fast import fast
from avfuse.runtime.frame_side import FrameSide
from avfuse.runtime.nest import mapped, tensors_of
from avfuse.runtime.padding import padded, padded_count
from avfuse.runtime.reads import read_by
from avfuse.runtime.runner import Runner
from avfuse.types import Nest, Planes

T = TypeVar("T")

_log = logging.getLogger(__name__)


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


class CudaGraphRunner(Runner):
    """The lean network; every batch size is captured when it first comes, and replayed after that.

    So that few sizes are captured, a chunk is filled up to the next power of two by its last frame.
    Crops are copied to where the graph reads them, on a stream of their own, out of pinned memory
    that is there twice: a chunk can be filled in and sent while the one before is still computed.
    What the graph does not read is not copied. Where capturing fails, the network runs call by
    call, and one line is logged.

    For other weights or shapes there is `recapture`.

    Args:
        method: in evaluation mode, on a GPU.
        size: pixels a side of the crops; the method's own unless given.
        dtype: as of [`fast`][avfuse.runtime.fast.fast].
        accelerator: what captures and copies; the method's GPU unless given.

    Attributes:
        dtype: what was taken.

    Raises:
        InputError: the method is not on a GPU, or bfloat16 was asked for and does not hold.
    """

    name = "cuda-graph"
    ahead = 1

    def __init__(
        self,
        method: Method,
        size: int | None = None,
        dtype: torch.dtype | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        if accelerator is None and method.device.type != "cuda":
            raise InputError(
                f"runner cuda-graph: the model is on {method.device.type}; use --device cuda"
            )
        self._given, self._asked = method, dtype
        self._accelerator = accelerator or Cuda(method.device)
        self.size = size or method.size
        self.recapture()

    def recapture(self, size: int | None = None) -> None:
        """Forget all graphs; chunks that come make them anew.

        Args:
            size: of the crops from now on; unchanged unless given.

        Raises:
            InputError: as when it was made, for weights have changed.
        """
        self.method, self.dtype = fast(self._given, self._asked)
        self.size = size or self.size
        self._eager = EagerRunner(self.method)
        self._captured: dict[int, _Captured] = {}
        self._refused = False

    def draw(self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest) -> Planes:
        """Draw a chunk of frames.

        Raises:
            ValueError: as `submit`.
        """
        return self.submit(images, condition)()

    @torch.inference_mode()
    def submit(
        self, images: UInt8[Tensor, "N H W 3"] | None, condition: Nest
    ) -> Callable[[], Planes]:
        """Start a chunk and return at once.

        Returns:
            What waits for the chunk and returns its planes, whenever it is called.

        Raises:
            ValueError: crops or condition have another shape than what was captured.
        """
        if images is not None and images.shape[1:3] != (self.size, self.size):
            raise ValueError(
                f"crops are {images.shape[2]}x{images.shape[1]}, the graphs are for "
                f"{self.size}x{self.size}; give it such, or make the graphs anew with "
                f"recapture(size)"
            )
        count, filled = padded_count(images, condition)
        given = padded((images, condition), filled)
        if filled not in self._captured and not self._refused:
            self._capture(filled, *given)
        if self._refused:
            return self._eager.submit(images, condition)
        wait = self._captured[filled].submit(*given)
        return lambda: mapped(wait(), lambda plane: plane[:count])

    def _capture(self, count: int, images: Tensor | None, condition: Nest) -> None:
        try:
            made = _Captured(self._eager.frame_side, images, condition, self._accelerator)
        except RuntimeError as error:  # some kernels cannot be captured, or there is no memory
            reason = str(error).partition("\n")[0]
            name = type(self.method).__name__
            _log.warning("no CUDA graph of %s (%s): it runs call by call", name, reason)
            self._refused = True
        else:
            self._captured[count] = made


class _Captured:
    """The graph of one batch size, and the memory that it reads and writes."""

    def __init__(
        self,
        frame_side: FrameSide,
        images: Tensor | None,
        condition: Nest,
        accelerator: Accelerator,
    ) -> None:
        self._images = None if images is None else images.to(accelerator.device, copy=True)
        self._condition = mapped(condition, torch.clone)
        example: list[Planes] = []

        def work() -> list[Tensor]:
            planes = frame_side(self._images, self._condition)
            example[:] = [planes]
            return [plane.contiguous() for plane in tensors_of(planes)]

        kept = tensors_of(self._condition)
        self._reads = read_by(work, kept)
        self._planes, self._replay = accelerator.record(work)
        self._like = example[0]
        self._turns = itertools.cycle(
            [_Turn(accelerator, self._images, self._planes) for _ in range(2)]
        )

    def submit(self, images: Tensor | None, condition: Nest) -> Callable[[], Planes]:
        given, wanted = tensors_of(condition), tensors_of(self._condition)
        shapes, expected = ([tuple(t.shape) for t in tensors] for tensors in (given, wanted))
        if shapes != expected:
            raise ValueError(
                f"the condition's tensors are {shapes}, the graph is for {expected}; "
                f"make the graphs anew with recapture()"
            )
        turn = next(self._turns)
        turn.send(images)
        if self._images is not None:
            self._images.copy_(turn.staged)
        for target, source, is_read in zip(wanted, given, self._reads, strict=True):
            if is_read:
                target.copy_(source)
        self._replay()
        wait = turn.fetch(self._planes)

        def result() -> Planes:
            arrived = iter(wait())
            return mapped(self._like, lambda _: next(arrived))

        return result


class _Turn:
    """One of the two chunks that may be under way: pinned memory for what goes in and comes out."""

    def __init__(
        self, accelerator: Accelerator, images: Tensor | None, planes: Sequence[Tensor]
    ) -> None:
        self._accelerator = accelerator
        self._received = [accelerator.pinned(plane) for plane in planes]
        self._result: Callable[[], object] = lambda: None
        if images is not None:
            self._sent, self.staged = accelerator.pinned(images), accelerator.staging(images)

    def send(self, images: Tensor | None) -> None:
        """Start to copy crops to `staged`, once this turn's chunk before is through."""
        self._result()
        if images is not None:
            self._sent.copy_(images)
            self._accelerator.upload(self._sent, self.staged)

    def fetch(self, planes: Sequence[Tensor]) -> Callable[[], list[Tensor]]:
        """Start to copy planes to the host; what waits and returns copies that stay."""
        wait = self._accelerator.download(planes, self._received)
        kept: list[list[Tensor]] = []

        def result() -> list[Tensor]:
            if not kept:
                wait()
                kept.append([plane.clone() for plane in self._received])
            return kept[0]

        self._result = result
        return result
