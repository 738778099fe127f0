"""LSE-D and LSE-C: distance and confidence of SyncNet, as syncnet_python and Wav2Lip score.

Chung and Zisserman 2016 give the network, Prajwal et al. 2020 the names. The faces have to be
cropped as SyncNet's own pipeline crops them, or the values compare only with one another.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from avfuse.metrics.syncnet import FRAMES, SIDE, STEPS, SyncNet
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.sound.mfcc import mfcc

REACH = 15
"""Frames by which the sound is shifted either way in search of the best agreement."""
FPS = 25
"""Frames a second that SyncNet knows."""

_BATCH = 16  # windows at once
_STEPS_A_FRAME = STEPS // FRAMES


class SyncScore(NamedTuple):
    """How well sound and lips of one clip agree.

    Attributes:
        distance: LSE-D: the smallest mean distance over all shifts; lower is better.
        confidence: LSE-C: how far that lies under the median over the shifts; higher is better.
        offset: the shift, in frames; positive where the sound is early.
    """

    distance: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    offset: int


def sync_score(
    faces: Float[Tensor, "T D"], sound: Float[Tensor, "T D"], reach: int = REACH
) -> SyncScore:
    """Compare embeddings of faces and of sound over shifts of up to `reach` frames.

    The mean over frames of the Euclidean distance, for each shift. Sound beyond the ends is zero,
    which counts as a vector like any other: so does the reference.
    """
    shifts = F.pad(sound, (0, 0, reach, reach)).unfold(0, 2 * reach + 1, 1)
    distances = (faces.unsqueeze(-1) - shifts).norm(dim=1).mean(0)
    least, place = distances.min(0)
    return SyncScore(least, distances.median() - least, reach - int(place))


def lse(
    frames: Float[Tensor, "T 3 224 224"], waveform: Float[Tensor, "L"], network: SyncNet
) -> SyncScore:
    """LSE-D and LSE-C of one clip.

    Args:
        frames: the face, 224 x 224 as SyncNet crops it, RGB in [0, 1], 25 a second.
        waveform: its sound, 16 kHz mono in [-1, 1], from the first frame on.
        network: with its weights, in evaluation mode.

    Returns:
        The score over all windows of five frames but the last.

    Raises:
        ValueError: if the faces have another size, or there is no window.
    """
    if frames.shape[1:] != (3, SIDE, SIDE):
        raise ValueError(f"faces {tuple(frames.shape)}; expected (T, 3, {SIDE}, {SIDE})")
    windows = min(len(frames), len(waveform) * FPS // SAMPLE_RATE) - FRAMES
    if windows < 1:
        raise ValueError(
            f"{len(frames)} frames and {len(waveform) / SAMPLE_RATE:.2f} s of sound hold no "
            f"window; at least {FRAMES + 1} frames with sound are needed"
        )
    video = (frames.clamp(0, 1) * 255).round().flip(1).transpose(0, 1)  # BGR, (3, T, 224, 224)
    steps = mfcc(waveform).T.to(video)
    faces = _embed(windows, network.faces, lambda i: video[:, i : i + FRAMES])
    start = _STEPS_A_FRAME
    sound = _embed(windows, network.sound, lambda i: steps[None, :, i * start : i * start + STEPS])
    return sync_score(faces, sound)


class _LSE(Metric):
    """Sums of both scores over clips.

    In a `MetricCollection` the two metrics share them, and the network runs once.
    """

    is_differentiable = False
    full_state_update = False
    distance: Tensor
    confidence: Tensor
    clips: Tensor

    def __init__(self, network: SyncNet) -> None:
        super().__init__()
        self.network = network
        self.add_state("distance", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("confidence", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("clips", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.eval()

    def update(self, frames: Float[Tensor, "T 3 224 224"], waveform: Float[Tensor, "L"]) -> None:
        score = lse(frames, waveform, self.network)
        self.distance = self.distance + score.distance.double()
        self.confidence = self.confidence + score.confidence.double()
        self.clips = self.clips + 1

    def train(self, mode: bool = True) -> "_LSE":
        """Stay in evaluation mode: SyncNet measures, it does not learn."""
        return super().train(False)


class LSED(_LSE):
    """LSE-D, the distance of [`lse`][avfuse.metrics.lse.lse].

    The mean over clips; one clip an update. Unit: none, a distance of embeddings. Lower is better;
    real clips have about 7 (Prajwal et al. 2020).

    Args:
        network: SyncNet with its weights.
    """

    higher_is_better = False

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every clip so far; NaN before the first."""
        return (self.distance / self.clips).float()


class LSEC(_LSE):
    """LSE-C, the confidence of [`lse`][avfuse.metrics.lse.lse].

    The mean over clips; one clip an update. Unit: none, a difference of distances. Higher is
    better; real clips have about 7 (Prajwal et al. 2020).

    Args:
        network: SyncNet with its weights.
    """

    higher_is_better = True

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every clip so far; NaN before the first."""
        return (self.confidence / self.clips).float()


def _embed(
    windows: int, branch: Callable[[Tensor], Tensor], window: Callable[[int], Tensor]
) -> Float[Tensor, "T D"]:
    """Embed every window, a few at once."""
    parts = []
    for start in range(0, windows, _BATCH):
        batch = [window(i) for i in range(start, min(start + _BATCH, windows))]
        parts.append(branch(torch.stack(batch)))
    return torch.cat(parts)
