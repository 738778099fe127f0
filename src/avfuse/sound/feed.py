"""The mel window of each frame, from sound that arrives in pieces."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.sound.mel import HOP, MELS, SILENCE, MelStream, window_starts


class MelBuffer:
    """Windows of a recording that is pushed in pieces, for times that only grow.

    Equal to [`mel_windows`][avfuse.mel_windows] of the whole recording's mel, and the same bit for
    bit however the recording is cut into pieces. Keeps no more sound than the windows to come need.

    Args:
        steps: mel steps a window.

    Attributes:
        ended: whether the recording is complete.
    """

    def __init__(self, steps: int) -> None:
        self.ended = False
        self._steps = steps
        self._stream = MelStream()
        self._rest = torch.empty(0)  # samples that do not make a hop yet
        self._mel = torch.full((MELS, steps), SILENCE)  # what comes before the recording
        self._first = -steps  # the mel step that self._mel begins with

    def push(self, samples: Float[Tensor, "L"]) -> None:
        """Add 16 kHz mono samples of any number."""
        joined = torch.cat([self._rest, samples])
        whole = len(joined) // HOP * HOP
        hops, self._rest = joined[:whole].view(-1, HOP).unbind(), joined[whole:].clone()
        # Hop by hop, since products of matrices of other heights are rounded otherwise.
        self._mel = torch.cat([self._mel, *map(self._stream.push, hops)], 1)

    def end(self) -> None:
        """Say that the recording is complete; behind it is silence."""
        self.ended = True
        self._mel = torch.cat([self._mel, self._stream.push(self._rest), self._stream.flush()], 1)

    def covers(self, time: float) -> bool:
        """Whether the window centred on a time, in seconds, is complete."""
        start = int(window_starts(torch.tensor([time], dtype=torch.float64), self._steps))
        return self.ended or start + self._steps <= self._first + self._mel.shape[1]

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T 80 S"]:
        """The windows centred on `times`, in seconds; silence beyond the recording's ends."""
        starts = window_starts(times, self._steps)
        drop = min(max(0, int(starts.min()) - self._first), self._mel.shape[1])
        self._mel, self._first = self._mel[:, drop:].clone(), self._first + drop
        missing = int(starts.max()) + self._steps - self._first - self._mel.shape[1]
        mel = F.pad(self._mel, (0, max(0, missing)), value=SILENCE)
        index = (starts - self._first).unsqueeze(1) + torch.arange(self._steps)
        return mel[:, index.clamp_min(0)].transpose(0, 1)


class MelFeed:
    """The same of a recording that is read as far as its windows are asked for.

    Args:
        blocks: of 16 kHz mono samples, of any length.
        steps: mel steps a window.
    """

    def __init__(self, blocks: Iterable[Float[Tensor, "_"]], steps: int) -> None:
        self._blocks = iter(blocks)
        self._buffer = MelBuffer(steps)

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T 80 S"]:
        """The windows centred on `times`, in seconds; silence beyond the recording's ends."""
        while not self._buffer.covers(float(times.max())):
            block = next(self._blocks, None)
            if block is None:
                self._buffer.end()
            else:
                self._buffer.push(block)
        return self._buffer.windows(times)
