"""Every score of one clip's videos."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torchmetrics import Metric

from avfuse.errors import InputError
from avfuse.evaluation.task import SIZE, Target, Video
from avfuse.faces.landmarks import ROOM, LandmarkReader
from avfuse.geometry.lips import lip_aperture, lip_shapes, upright_lips
from avfuse.metrics.closure import closure
from avfuse.metrics.flicker import flicker
from avfuse.metrics.landmark_motion import landmark_velocity
from avfuse.metrics.leak import leak
from avfuse.metrics.lmd import lmd
from avfuse.metrics.mouth import MouthPSNR, Sharpness, mouth_psnr
from avfuse.metrics.mouth_crops import frames_at_rate, mouth_crops
from avfuse.metrics.psnr import PSNR, LegacyPSNR
from avfuse.metrics.rest import rest
from avfuse.metrics.ssim import SSIM
from avfuse.metrics.sync import REACH, read_curve, sync_curve
from avfuse.metrics.sync_expert import FRAMES, SyncExpert, load_expert

TRUTH = "truth"
"""The row in which the true frames themselves are scored: what can be read at best."""

_CHUNK = 16  # frames that are floats at a time: more gain nothing, and leave the cache
_RIM = round((ROOM - 1) / 2 * SIZE)  # the landmark reader looks at a little more than the box

Points = Float[np.ndarray, "T 68 2"]


class Scores(NamedTuple):
    """How one video did; NaN where a score does not exist.

    Attributes:
        psnr: of the whole crop, dB; higher is better.
        psnr_legacy_uint8: what older tables call PSNR, "dB"; means little.
        ssim: of the whole crop, at most 1; higher is better.
        lmd: distance of the lips' landmarks, pixels of 128²; lower is better.
        landmark_velocity: distance of their velocities, pixels of 128² a second; lower is better.
        mouth_psnr: of the mouth region, dB; higher is better.
        over_copy: how much smaller the mouth's squared error over all frames is than the copy's,
            dB; higher is better. Not the difference of mouth PSNRs: those are means over frames,
            in which the ones that hardly differ from the copy count most.
        sharpness: gradient energy of the mouth region over the truth's; 1 is as sharp.
        aperture: correlation over time of the lips' opening with the labels of the truth; higher
            is better. Does not exist where nothing moves.
        opening: standard deviation of the lips' opening over the truth's; 1 is as much motion.
        leak: share of the given lips' motion that is left in the lips' opening, by labels of both;
            lower is better. Does not exist where none moved.
        eyes: mean change above the nose against what was given, levels of 255; lower is better.
        flicker: change from frame to frame that motion does not explain, in the lower half of the
            crop, levels of 255; lower is better, down to the truth's.
        sync: similarity of lips and true sound to the library's own sync expert, -1 to 1; higher
            is better. Neither LSE-D nor LSE-C.
        sync_confidence: how much better the best offset fits than the median one; higher is better.
        sync_offset: how far from 0 the best offset lies, frames of 40 ms; lower is better.
        closure_gap: how near the lips come where they have to touch, by their mean opening; lower
            is better, down to the truth's. Does not exist where nobody listened for such moments.
        closure_share: at how many of these moments they are closed; higher is better.
        rest_silence: how much the lips move under silence, by how much they do under speech; lower
            is better. Does not exist where no such video was made, as those below.
        rest_55: the same under a room's noise of -55 dBFS.
        rest_45: of -45 dBFS.
        rest_35: of -35 dBFS.
    """

    psnr: float
    psnr_legacy_uint8: float
    ssim: float
    lmd: float
    landmark_velocity: float
    mouth_psnr: float
    over_copy: float
    sharpness: float
    aperture: float
    opening: float
    leak: float
    eyes: float
    flicker: float
    sync: float
    sync_confidence: float
    sync_offset: float
    closure_gap: float = math.nan
    closure_share: float = math.nan
    rest_silence: float = math.nan
    rest_55: float = math.nan
    rest_45: float = math.nan
    rest_35: float = math.nan


class Judge:
    """Scores videos; the shipped landmark network reads the lips, the shipped expert their sync.

    Args:
        device: where scores are computed, as torch names it.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.expert = shipped_expert(device)
        self._reader = LandmarkReader(device=device)

    def scores(self, target: Target, videos: dict[str, Video]) -> dict[str, Scores]:
        """Score a clip's videos, by method; the method `TRUTH` is not compared with itself."""
        true_points = self.landmarks(target.truth)
        copy = self.mouth_error(target.copy, target)
        results = {}
        for method, video in videos.items():
            points = true_points if method == TRUTH else self.landmarks(video)
            alone = {
                **_opening(points, target),
                **_closure(points, target),
                **self._sync(video, points, target),
                "eyes": _eyes(video, target),
                "flicker": self._flicker(video),
            }
            compared = dict.fromkeys(_COMPARED, math.nan)
            if method != TRUTH:
                pixels = self._pixels(video, target)
                lips = _lips(points, true_points, target)
                gain = 10 * math.log10(copy / self.mouth_error(video, target))
                compared = {**pixels, **lips, "over_copy": gain}
            results[method] = Scores(**alone, **compared)
        return results

    def rest(self, spoken: Video, quiet: Mapping[str, Video]) -> dict[str, float]:
        """How much the lips of videos without speech move, by score, against those of `spoken`."""
        speech = _opened(self.landmarks(spoken))
        return {k: float(rest(_opened(self.landmarks(v)), speech)) for k, v in quiet.items()}

    def landmarks(self, video: Video) -> Points:
        """Read the landmarks of every frame; frames like the one before are not read again."""
        changed = np.append(True, (video[1:] != video[:-1]).any((1, 2, 3)))
        different = video[changed]
        points = []
        for start in range(0, len(different), _CHUNK):
            rim = ((0, 0), (_RIM, _RIM), (_RIM, _RIM), (0, 0))
            widened = np.pad(different[start : start + _CHUNK], rim, mode="edge")
            points.append(self._reader.read_crops(widened)[0] - np.float32(_RIM))
        return np.concatenate(points)[changed.cumsum() - 1]

    def _pixels(self, video: Video, target: Target) -> dict[str, float]:
        whole = {"psnr": PSNR(), "psnr_legacy_uint8": LegacyPSNR(), "ssim": SSIM()}
        mouth = {"mouth_psnr": MouthPSNR(), "sharpness": Sharpness()}
        return {
            **self._over(whole, video, target.truth),
            **self._over(mouth, video, target.truth, target.landmarks),
        }

    def mouth_error(self, video: Video, target: Target) -> float:
        """Mean squared error over the mouths of all frames; above 0."""
        errors = []
        for start in range(0, len(video), _CHUNK):
            part = slice(start, start + _CHUNK)
            points = torch.from_numpy(target.landmarks[part]).float().to(self.device)
            pictures = self._floats(video[part]), self._floats(target.truth[part])
            errors.append(10 ** (-mouth_psnr(*pictures, points) / 10))
        return float(torch.cat(errors).nanmean())

    def _over(
        self, metrics: Mapping[str, Metric], video: Video, truth: Video, *landmarks: Points
    ) -> dict[str, float]:
        """Metrics over all frames, a few at a time; landmarks for those that take some."""
        for start in range(0, len(video), _CHUNK):
            part = slice(start, start + _CHUNK)
            pictures = self._floats(video[part]), self._floats(truth[part])
            where = [torch.from_numpy(p[part]).float().to(self.device) for p in landmarks]
            for metric in metrics.values():
                metric.to(self.device).update(*pictures, *where)
        return {name: float(metric.compute()) for name, metric in metrics.items()}

    def _flicker(self, video: Video) -> float:
        if (video == video[0]).all():
            return 0.0  # a picture that stands still; spares half of the first-frame rows
        lower = video[:, SIZE // 2 :]
        starts = range(0, len(lower) - 1, _CHUNK)
        parts = [flicker(self._floats(lower[s : s + _CHUNK + 1])) for s in starts]
        return float(torch.cat(parts).nanmean())

    def _sync(self, video: Video, points: Points, target: Target) -> dict[str, float]:
        names = ("sync", "sync_confidence", "sync_offset")
        index = frames_at_rate(target.times.numpy())
        if self.expert is None or target.mel is None or len(index) < FRAMES + REACH:
            return dict.fromkeys(names, math.nan)
        mouths = mouth_crops((video[i] for i in index), points[index])
        curve = sync_curve(self.expert, torch.from_numpy(mouths), target.times[index], target.mel)
        similarity, confidence, offset = read_curve(curve)
        return dict(zip(names, (similarity, confidence, float(abs(offset))), strict=True))

    def _floats(self, frames: UInt8[np.ndarray, "T H W 3"]) -> Float[Tensor, "T 3 H W"]:
        return torch.from_numpy(frames).to(self.device).permute(0, 3, 1, 2).float() / 255


_COMPARED = (
    "psnr",
    "psnr_legacy_uint8",
    "ssim",
    "lmd",
    "landmark_velocity",
    "mouth_psnr",
    "over_copy",
    "sharpness",
)


def shipped_expert(device: str) -> SyncExpert | None:
    """The sync expert; None in a version of the package that comes without its weights."""
    try:
        return load_expert().to(device)
    except InputError:
        return None


def correlation(a: Float[np.ndarray, "T"], b: Float[np.ndarray, "T"]) -> float:
    """Pearson's; NaN where one of the two does not move."""
    moves = min(a.std(), b.std()) > 1e-6
    return float(np.corrcoef(a, b)[0, 1]) if moves else math.nan


def _opening(points: Points, target: Target) -> dict[str, float]:
    """The lips' opening as the network reads it, against the truth's by its labels."""
    opening = lip_aperture(torch.from_numpy(lip_shapes(points))).numpy()
    true = float(target.aperture.std())
    return {
        "aperture": correlation(opening, target.aperture),
        "opening": float(opening.std()) / true if true > 1e-6 else math.nan,
        "leak": math.nan if target.wrong is None else float(_leak(opening, target)),
    }


def _leak(opening: Float[np.ndarray, "T"], target: Target) -> Float[Tensor, ""]:
    assert target.wrong is not None
    return leak(*map(torch.from_numpy, (opening, target.aperture, target.wrong)))


def _closure(points: Points, target: Target) -> dict[str, float]:
    """Whether the lips close when they have to, as the network reads them."""
    opening = _opened(points)
    gap, share = closure(opening, target.times, torch.tensor(target.closures, dtype=torch.float64))
    return {"closure_gap": float(gap), "closure_share": float(share)}


def _opened(points: Points) -> Float[Tensor, "T"]:
    """Distance of the inner lips."""
    return lip_aperture(torch.from_numpy(upright_lips(points)))


def _lips(points: Points, true_points: Points, target: Target) -> dict[str, float]:
    """How far the lips are from the truth's, both as the network reads them."""
    made, true = torch.from_numpy(points), torch.from_numpy(true_points)
    velocity = landmark_velocity(made, true, target.times, SIZE)
    return {
        "lmd": float(lmd(made, true, SIZE).mean()),
        "landmark_velocity": float(velocity.mean()),
    }


def _eyes(video: Video, target: Target) -> float:
    if target.given is None:
        return math.nan
    above = slice(0, max(0, int(target.landmarks[:, 30, 1].min())))
    change = video[:, above].astype(np.int16) - target.given[:, above]
    return float(np.abs(change).mean()) if change.size else math.nan
