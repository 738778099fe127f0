"""The mel window of each frame, from sound that arrives in blocks."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from avfuse.features.mel import MELS, SILENCE, MelStream, window_starts


class MelFeed:
    """Windows of a recording for times that only grow; keeps no more sound than they need.

    Equal to [`mel_windows`][avfuse.mel_windows] of the whole recording's mel.

    Args:
        blocks: of 16 kHz mono samples, of any length.
        steps: mel steps a window.
    """

    def __init__(self, blocks: Iterable[Float[Tensor, "L"]], steps: int) -> None:
        self._blocks = iter(blocks)
        self._steps = steps
        self._stream = MelStream()
        self._mel = torch.full((MELS, steps), SILENCE)  # what comes before the recording
        self._first = -steps  # the mel step that self._mel begins with
        self._ended = False

    def windows(self, times: Float[Tensor, "T"]) -> Float[Tensor, "T 80 S"]:
        """The windows centred on `times`, in seconds; silence beyond the recording's ends."""
        starts = window_starts(times, self._steps)
        self._read(int(starts.max()) + self._steps)
        drop = min(max(0, int(starts.min()) - self._first), self._mel.shape[1])
        self._mel, self._first = self._mel[:, drop:], self._first + drop
        missing = int(starts.max()) + self._steps - self._first - self._mel.shape[1]
        mel = F.pad(self._mel, (0, max(0, missing)), value=SILENCE)
        index = (starts - self._first).unsqueeze(1) + torch.arange(self._steps)
        return mel[:, index.clamp_min(0)].transpose(0, 1)

    def _read(self, end: int) -> None:
        """Take blocks until the mel reaches step `end`, or the recording ends."""
        while not self._ended and self._first + self._mel.shape[1] < end:
            block = next(self._blocks, None)
            self._ended = block is None
            steps = self._stream.flush() if block is None else self._stream.push(block)
            self._mel = torch.cat([self._mel, steps], 1)
