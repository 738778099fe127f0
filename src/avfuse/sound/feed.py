"""The mel window of each frame, from sound that arrives in pieces."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.sound.mel import SILENCE, Hearing, MelStream


class MelBuffer:
    """Windows of a recording that is pushed in pieces, for times that only grow.

    Equal to [`mel_windows`][avfuse.mel_windows] of the whole recording's mel, and the same bit for
    bit however the recording is cut into pieces. Keeps no more sound than the windows to come need.

    Args:
        hears: what each window holds.

    Attributes:
        ended: whether the recording is complete.
    """

    def __init__(self, hears: Hearing) -> None:
        self.ended = False
        self._hears = hears
        self._stream = MelStream(hears.mel)
        self._rest = torch.empty(0)  # samples that do not make a hop yet
        self._first = -hears.steps  # the mel step that self._mel begins with
        self._mel = torch.full((hears.mel.bands, hears.steps), SILENCE)  # before the recording

    def push(self, samples: Float[Tensor, "L"]) -> None:
        """Add 16 kHz mono samples of any number."""
        joined = torch.cat([self._rest, samples])
        hop = self._hears.mel.hop
        whole = len(joined) // hop * hop
        hops, self._rest = joined[:whole].view(-1, hop).unbind(), joined[whole:].clone()
        # Hop by hop, since products of matrices of other heights are rounded otherwise.
        self._mel = torch.cat([self._mel, *map(self._stream.push, hops)], 1)

    def end(self) -> None:
        """Say that the recording is complete; behind it is silence."""
        self.ended = True
        self._mel = torch.cat([self._mel, self._stream.push(self._rest), self._stream.flush()], 1)

    def covers(self, time: float) -> bool:
        """Whether the window centred on a time, in seconds, is complete."""
        start = int(self._hears.starts(torch.tensor([time], dtype=torch.float64)))
        return self.ended or start + self._hears.steps <= self._first + self._mel.shape[1]

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T M S"]:
        """The windows centred on `times`, in seconds; silence beyond the recording's ends."""
        starts, steps = self._hears.starts(times), self._hears.steps
        drop = min(max(0, int(starts.min()) - self._first), self._mel.shape[1])
        self._mel, self._first = self._mel[:, drop:].clone(), self._first + drop
        missing = int(starts.max()) + steps - self._first - self._mel.shape[1]
        mel = F.pad(self._mel, (0, max(0, missing)), value=SILENCE)
        index = (starts - self._first).unsqueeze(1) + torch.arange(steps)
        return mel[:, index.clamp_min(0)].transpose(0, 1)


class MelFeed:
    """The same of a recording that is read as far as its windows are asked for.

    Args:
        blocks: of 16 kHz mono samples, of any length.
        hears: what each window holds.
    """

    def __init__(self, blocks: Iterable[Float[Tensor, "_"]], hears: Hearing) -> None:
        self._blocks = iter(blocks)
        self._buffer = MelBuffer(hears)

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T M S"]:
        """The windows centred on `times`, in seconds; silence beyond the recording's ends."""
        while not self._buffer.covers(float(times.max())):
            block = next(self._blocks, None)
            if block is None:
                self._buffer.end()
            else:
                self._buffer.push(block)
        return self._buffer.windows(times)
