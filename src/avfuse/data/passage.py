"""A passage of a clip, long enough to watch."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import PairSource, View, starts
from avfuse.sound.mel import Hearing, mel_windows


class Passage(NamedTuple):
    """Consecutive frames of a pair: V1 is to say what V2 says.

    Attributes:
        video1: V1, (T, 3, S, S).
        video2: V2, likewise.
        mel2: A2, the mel windows of V2's lips, (T, 80, M).
        times: of A2, in seconds of its clip.
        clip: whose sound A2 is.
    """

    video1: UInt8[Tensor, "T 3 S S"]
    video2: UInt8[Tensor, "T 3 S S"]
    mel2: Float[Tensor, "T 80 M"]
    times: Float[Tensor, "T"]
    clip: ClipFile

    @property
    def fps(self) -> float:
        """Frames a second."""
        return 1 / float(self.times.diff().median()) if len(self.times) > 1 else 25.0


def passage(source: PairSource, size: int, hears: int | Hearing, seconds: float) -> Passage:
    """Choose a passage of a source; always the same one.

    Args:
        source: of pairs.
        size: pixels a side.
        hears: mel steps a window, or what is heard, as of `mel_windows`.
        seconds: how long at most; it is shorter where no face is seen for so long.
    """
    moments = source.moments(np.random.default_rng(0), _frames(source, seconds))
    pairs = [source.pair(first, second, View(size)) for first, second in moments]
    second = [moment for _, moment in moments]
    clip = second[0].clip
    times = clip.times[[moment.number for moment in second]]
    videos = ([getattr(pair, name) for pair in pairs] for name in ("image1", "image2"))
    video1, video2 = (torch.from_numpy(np.stack(v)).permute(0, 3, 1, 2) for v in videos)
    return Passage(video1, video2, mel_windows(clip.mel, times, hears), times, clip)


def _frames(source: PairSource, seconds: float) -> int:
    """As many consecutive frames with a face as there are, `seconds` of them at most."""
    clip = source.moments(np.random.default_rng(0), 1)[0][0].clip
    wanted = int((clip.times - clip.times[0] < seconds).sum())
    return max((n for n in range(1, wanted + 1) if len(starts(clip.valid, n))), default=1)
