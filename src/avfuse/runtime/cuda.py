"""What of CUDA a runner needs: graphs, pinned memory, and copies that do not wait."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

_WARM_UP = 3  # calls until libraries have chosen their kernels and allocated their workspaces


class Cuda:
    """Graphs of one memory pool, and a stream of its own for what is copied in.

    Work runs on the caller's current stream. Graphs that share a pool overwrite each other's
    memory: what one gave has to be copied out, in that stream, before another is replayed.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool = torch.cuda.graph_pool_handle()
        self._captures = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """Capture some work as a graph.

        Args:
            work: launches kernels on tensors that stay where they are; reads nothing back.

        Returns:
            What it returned, whose memory every replay writes anew; and what replays it.
        """
        current = torch.cuda.current_stream(self.device)
        self._captures.wait_stream(current)
        # On the same stream, and so on the same GPU, as the capture, whatever the thread's own is.
        with torch.cuda.stream(self._captures):
            for _ in range(_WARM_UP):
                work()
            graph = torch.cuda.CUDAGraph()
            # What other threads ask of the GPU meanwhile, such as pinned memory, is their business.
            with torch.cuda.graph(
                graph,
                pool=self._pool,
                stream=self._captures,
                capture_error_mode="thread_local",
            ):
                result = work()
        current.wait_stream(self._captures)
        return result, graph.replay

    def pinned(self, like: Tensor) -> Tensor:
        """Host memory of a tensor's shape and type that a GPU can copy from and to by itself."""
        return torch.empty(like.shape, dtype=like.dtype, pin_memory=True)

    def staging(self, like: Tensor) -> Tensor:
        """Device memory of a tensor's shape and type that `upload` may write at any time."""
        with torch.cuda.stream(self._copies):  # nothing that other streams freed a moment ago
            return torch.empty(like.shape, dtype=like.dtype, device=self.device)

    def upload(self, host: Tensor, device: Tensor) -> None:
        """Start a copy from pinned to staging memory; the current stream's later work waits."""
        with torch.cuda.stream(self._copies):
            device.copy_(host, non_blocking=True)
        torch.cuda.current_stream(self.device).wait_stream(self._copies)

    def download(self, device: Sequence[Tensor], host: Sequence[Tensor]) -> Callable[[], None]:
        """Start copies to pinned memory, after the current stream's work.

        Returns:
            What waits until all of it has arrived.
        """
        for source, target in zip(device, host, strict=True):
            target.copy_(source, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(torch.cuda.current_stream(self.device))
        return arrived.synchronize
