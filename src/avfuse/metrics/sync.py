"""Whether lips and sound belong together, as the library's own sync expert judges it.

Not LSE: the network is another one than SyncNet, so no number here may stand beside an LSE-D or
LSE-C. What is compared is likewise a window of the mouth and one of the sound, at each offset in
time (Chung and Zisserman 2016, "Out of time", section 4).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchmetrics import Metric

from avfuse.errors import InputError
from avfuse.metrics.mouth_crops import RATE, frames_at_rate, mouth_crops
from avfuse.metrics.sync_expert import FRAMES, STEPS, SyncExpert, load_expert
from avfuse.sound.mel import mel_windows

REACH = 15
"""Frames to either side at which a curve is taken: 0.6 s."""


class SyncReading(NamedTuple):
    """What the curve of one clip says.

    Attributes:
        similarity: mean cosine at offset 0, -1 to 1; higher is better.
        confidence: highest of the curve minus its median, 0 to 2; higher is better. Near 0 the
            sound fits no better at one offset than at another.
        offset: where the curve is highest, frames of 40 ms; positive where the sound is early.
    """

    similarity: float
    confidence: float
    offset: int


def read_curve(curve: Float[Tensor, "offsets"]) -> SyncReading:
    """Similarity, confidence and offset of a clip.

    Args:
        curve: by [`sync_curve`][avfuse.metrics.sync.sync_curve].
    """
    reach, peak = len(curve) // 2, int(curve.argmax())
    confidence = float(curve[peak] - curve.quantile(0.5))
    return SyncReading(float(curve[reach]), confidence, reach - peak)


@torch.inference_mode()
def sync_curve(
    expert: SyncExpert,
    mouths: UInt8[Tensor, "T side side"],
    times: Float[Tensor, "T"],
    mel: Float[Tensor, "80 steps"],
) -> Float[Tensor, "offsets"]:
    """Mean similarity of a clip's mouths with the sound of 15 frames before to 15 frames after.

    Each offset is averaged over the windows that have a window of sound so far away within the
    clip.

    Args:
        expert: whose opinion is asked.
        mouths: by [`mouth_crops`][avfuse.metrics.mouth_crops.mouth_crops], `RATE` a second.
        times: of the mouths, in seconds.
        mel: of the whole recording.

    Returns:
        31 cosines; the middle one is offset 0.

    Raises:
        InputError: if there are fewer than 20 frames.
    """
    if len(mouths) < FRAMES + REACH:
        raise InputError(
            f"the clip has {len(mouths)} frames at {RATE:g} a second; offsets of up to {REACH} "
            f"frames need at least {FRAMES + REACH}"
        )
    device = next(expert.parameters()).device
    windows = mel_windows(mel, extended(times, REACH), STEPS)
    seen, heard = expert.see(mouths[None].to(device).float())[0], expert.hear(windows.to(device))
    offsets = range(-REACH, REACH + 1)
    return torch.stack([at_offset(seen, heard, k).mean() for k in offsets]).cpu()


def at_offset(
    seen: Float[Tensor, "W D"], heard: Float[Tensor, "A D"], offset: int
) -> Float[Tensor, "n"]:
    """Similarity of each window with the sound `offset` frames later, as far as the clip has it.

    Args:
        seen: of W windows that follow each other.
        heard: of the moments from (A - W) / 2 before the first window to as many after the last.
        offset: in frames; below 0 for earlier.
    """
    first, last = max(0, -offset), len(seen) - max(0, offset)
    shift = (len(heard) - len(seen)) // 2 + offset
    return (seen[first:last] * heard[first + shift : last + shift]).sum(-1)


def extended(times: Float[Tensor, "T"], reach: int) -> Float[Tensor, "A"]:
    """Times with `reach` frames more at either end."""
    further = torch.arange(1, reach + 1, dtype=times.dtype, device=times.device) / RATE
    return torch.cat([times[:1] - further.flip(0), times, times[-1:] + further])


class _Sync(Metric):
    """Sums of the three readings over clips.

    In a `MetricCollection` the metrics share them, and the expert runs once.
    """

    is_differentiable = False
    full_state_update = False
    similarity: Tensor
    confidence: Tensor
    distance: Tensor
    clips: Tensor

    def __init__(self, expert: SyncExpert | None = None) -> None:
        super().__init__()
        self.expert = expert or load_expert()
        for name in ("similarity", "confidence", "distance"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("clips", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.eval()

    def update(
        self,
        frames: UInt8[Tensor, "T H W 3"],
        landmarks: Float[Tensor, "T 68 2"],
        times: Float[Tensor, "T"],
        mel: Float[Tensor, "80 steps"],
    ) -> None:
        """Add a clip; the arguments are the fields of a [`Clip`][avfuse.data.clip.Clip].

        Args:
            frames: upright RGB, any size and rate.
            landmarks: of each frame, in its pixels; NaN where no face was found.
            times: of the frames, in seconds of the recording.
            mel: of the whole recording.

        Raises:
            InputError: if the clip is shorter than 20 frames at 25 a second, or has no landmarks.
        """
        index = frames_at_rate(times.cpu().numpy())
        pictures = (frames[i].cpu().numpy() for i in index)
        mouths = torch.from_numpy(mouth_crops(pictures, landmarks[index].cpu().numpy()))
        reading = read_curve(sync_curve(self.expert, mouths, times[index], mel))
        self.similarity = self.similarity + reading.similarity
        self.confidence = self.confidence + reading.confidence
        self.distance = self.distance + abs(reading.offset)
        self.clips = self.clips + 1

    def train(self, mode: bool = True) -> "_Sync":
        """Stay in evaluation mode: the expert measures, it does not learn."""
        return super().train(False)


class SyncSimilarity(_Sync):
    """Mean similarity of lips and sound, as the library's own sync expert sees it; not LSE-D.

    The mean over clips; one clip an update. Unit: none, a cosine. Higher is better.

    Args:
        expert: whose opinion is asked; None takes the shipped one.
    """

    higher_is_better = True

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every clip so far; NaN before the first."""
        return (self.similarity / self.clips).float()


class SyncConfidence(_Sync):
    """How much better the best offset fits than the median one, by the same expert; not LSE-C.

    The mean over clips; one clip an update. Unit: none, a difference of cosines. Higher is better.

    Args:
        expert: whose opinion is asked; None takes the shipped one.
    """

    higher_is_better = True

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every clip so far; NaN before the first."""
        return (self.confidence / self.clips).float()


class SyncOffset(_Sync):
    """How far from 0 the best offset lies, early or late, by the same expert.

    The mean over clips; one clip an update. Unit: frames of 40 ms. Lower is better.

    Args:
        expert: whose opinion is asked; None takes the shipped one.
    """

    higher_is_better = False

    def compute(self) -> Float[Tensor, ""]:
        """The mean over every clip so far; NaN before the first."""
        return (self.distance / self.clips).float()
