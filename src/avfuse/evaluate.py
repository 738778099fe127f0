"""The first-frame protocol: a photo and sound in, compared with what really was filmed.

Papers 000 and 001 score on LRW: the clip's first frame as a photo and the clip's sound give a clip.
The head of a photo does not move, so the true frames are first laid onto the first one by eyes and
nose; what is left to compare is the mouth.
"""

import warnings
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from avfuse.data.clip import ClipFile, lip_aperture, lip_shapes
from avfuse.data.pairs import View, compose, sample, similarity, transform
from avfuse.faces.crop import MOUTH, Box
from avfuse.faces.landmarks import ROOM, LandmarkReader
from avfuse.features.mel import SILENCE, mel_windows
from avfuse.generator import Generator

SIZE = 128
"""Pixels a side of the aligned crops that are compared, as in papers 000 and 001."""

Video = UInt8[np.ndarray, "T size size 3"]


class Aligned(NamedTuple):
    """One clip, ready to compare.

    Attributes:
        photo: its first frame at the network's size.
        truth: all frames laid onto the first, (T, 128, 128, 3).
        landmarks: of the photo, in pixels of 128².
        aperture: of the true lips by their labels, (T,).
        times: of the frames, in seconds.
    """

    photo: UInt8[np.ndarray, "S S 3"]
    truth: Video
    landmarks: Float[np.ndarray, "68 2"]
    aperture: Float[np.ndarray, "T"]
    times: Float[Tensor, "T"]


class Score(NamedTuple):
    """How one method did on one clip.

    Attributes:
        mouth_psnr: of the mouth region, dB; higher is better.
        sharpness: gradient energy of the mouth region over the truth's; 1 is as sharp.
        aperture: correlation over time of the lips' opening, as a landmark network reads it, with
            the labels of the truth; NaN where nothing moves.
        opening: standard deviation of the opening over the truth's; 1 is as much motion.
        eyes: mean change against the photo above the nose, in levels of 255; lower is better.
    """

    mouth_psnr: float
    sharpness: float
    aperture: float
    opening: float
    eyes: float


def align(clip: ClipFile, size: int) -> Aligned:
    """Lay a clip's frames onto its first by eyes and nose."""
    first = int(clip.valid[0])
    landmarks = clip.landmarks[first]
    plain = View(SIZE)
    matrix, grid = plain.matrix(landmarks), plain.grid()
    truth = [
        sample(clip.frame(i), compose(matrix, similarity(clip.rigid[i], clip.rigid[first])), grid)
        for i in map(int, clip.valid)
    ]
    view = View(size)
    photo = sample(clip.frame(first), view.matrix(landmarks), view.grid())
    aperture = lip_aperture(torch.from_numpy(clip.lips[clip.valid])).numpy()
    points = transform(landmarks, matrix)
    return Aligned(photo, np.stack(truth), points, aperture, clip.times[clip.valid])


@torch.inference_mode()
def speak(
    network: Generator, photo: UInt8[np.ndarray, "S S 3"], mel: Float[Tensor, "80 steps"],
    times: Float[Tensor, "T"],
) -> tuple[Video, Float[np.ndarray, "T S S"]]:  # fmt: skip
    """The photo speaking a recording: frames and attention masks at 128²."""
    device = next(network.parameters()).device
    image = torch.from_numpy(photo).to(device).permute(2, 0, 1).float().unsqueeze(0) / 255
    frames, masks = [], []
    windows = mel_windows(mel, times, network.audio.steps).to(device)
    for start in range(0, len(windows), 16):
        part = windows[start : start + 16]
        generated = network(image.expand(len(part), -1, -1, -1), network.prepare(part[None]).fold())
        frames.append(
            (generated.image * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        )
        masks.append(generated.mask[:, 0].float().cpu().numpy())
    return np.stack([_small(f) for f in np.concatenate(frames)]), np.concatenate(masks)


def score(video: Video, clip: Aligned, reader: LandmarkReader) -> Score:
    """Compare a generated video with the aligned truth."""
    rows, columns = mouth_region(clip.landmarks)
    mouth = [v[:, rows, columns].astype(np.float32) for v in (video, clip.truth)]
    error = np.square(mouth[0] - mouth[1]).mean()
    energy = [
        np.square(np.diff(m, axis=1)).mean() + np.square(np.diff(m, axis=2)).mean() for m in mouth
    ]
    opening = read_aperture(video, reader)
    above = slice(0, int(clip.landmarks[30, 1]))
    still = np.abs(video[:, above].astype(np.float32) - _small(clip.photo)[above]).mean()
    return Score(
        mouth_psnr=float(10 * np.log10(255**2 / max(error, 1e-6))),
        sharpness=float(energy[0] / energy[1]),
        aperture=correlation(opening, clip.aperture),
        opening=float(opening.std() / clip.aperture.std()),
        eyes=float(still),
    )


def _small(frame: UInt8[np.ndarray, "S S 3"]) -> UInt8[np.ndarray, "size size 3"]:
    return cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def mouth_region(landmarks: Float[np.ndarray, "68 2"]) -> tuple[slice, slice]:
    """Rows and columns of the square of 1.7 mouth widths around the photo's mouth."""
    half = 0.85 * float(np.linalg.norm(landmarks[54] - landmarks[48]))
    x, y = landmarks[MOUTH].mean(0)
    box = Box(x - half, y - half, x + half, y + half)
    x0, y0, x1, y1 = (int(np.clip(round(edge), 0, SIZE)) for edge in box)
    return slice(y0, y1), slice(x0, x1)


def read_aperture(video: Video, reader: LandmarkReader) -> Float[np.ndarray, "T"]:
    """The lips' opening in every frame, as the landmark network sees it."""
    rim = round((ROOM - 1) / 2 * SIZE)  # the reader looks at a little more than the box
    widened = np.pad(video, ((0, 0), (rim, rim), (rim, rim), (0, 0)), mode="edge")
    landmarks, _ = reader.read_crops(widened)
    return lip_aperture(torch.from_numpy(lip_shapes(landmarks))).numpy()


def correlation(a: Float[np.ndarray, "T"], b: Float[np.ndarray, "T"]) -> float:
    """Pearson's; NaN where one of the two does not move."""
    moves = min(a.std(), b.std()) > 1e-6
    return float(np.corrcoef(a, b)[0, 1]) if moves else float("nan")


METHODS = ("truth", "copy first frame", "model, silence", "model, other sound", "model")
"""Rows of the table. `truth` scores the true frames themselves: what can be read at best."""


class Compared(NamedTuple):
    """One clip's videos and their scores, by method.

    Attributes:
        clip: what was compared with.
        videos: at 128², by method.
        masks: the model's attention masks, (T, S, S).
        scores: by method.
    """

    clip: Aligned
    videos: dict[str, Video]
    masks: Float[np.ndarray, "T S S"]
    scores: dict[str, Score]


def first_frame(
    network: Generator, clip: ClipFile, other: Float[Tensor, "80 steps"], reader: LandmarkReader
) -> Compared:
    """Score one clip: the model, its controls, and copying the photo.

    Args:
        network: the model.
        clip: with labels, held back from its training.
        other: the mel of another clip. Driven by it, or by silence, the model hears nothing of
            what is shown: the audio-blind controls.
        reader: reads the lips of generated frames.
    """
    aligned = align(clip, network.size)
    still = _small(aligned.photo)
    silence = torch.full_like(clip.mel, SILENCE)
    voiced, masks = speak(network, aligned.photo, clip.mel, aligned.times)
    shown = (
        aligned.truth,
        np.repeat(still[None], len(aligned.truth), 0),
        speak(network, aligned.photo, silence, aligned.times)[0],
        speak(network, aligned.photo, other, aligned.times)[0],
        voiced,
    )
    videos = dict(zip(METHODS, shown, strict=True))
    scores = {name: score(video, aligned, reader) for name, video in videos.items()}
    return Compared(aligned, videos, masks, scores)


def evaluate(
    network: Generator, groups: dict[str, list[ClipFile]], *, quiet: bool = False
) -> tuple[dict[str, Any], UInt8[np.ndarray, "H W 3"]]:
    """Run the first-frame protocol over groups of clips.

    Args:
        network: the model.
        groups: clips by the name of their group, such as `seen` and `unseen`.
        quiet: no progress bar.

    Returns:
        The metrics, ready for JSON (`rows` hold a mean for each group and method, `clips` each
        clip's), and a contact sheet of truth, model and attention mask.
    """
    reader = LandmarkReader()
    rows, each, strips = [], [], []
    with tqdm(total=sum(map(len, groups.values())), unit="clip", disable=quiet or None) as bar:
        for group, clips in groups.items():
            results = []
            for number, clip in enumerate(clips):
                result = first_frame(network, clip, _other_sound(clip, groups), reader)
                strips += [_strip(result)] if number < 3 else []
                name = f"{clip.path.parent.name}/{clip.path.stem.rpartition('-')[0]}"
                each += [
                    {"group": group, "clip": name, "method": method, **_named(score)}
                    for method, score in result.scores.items()
                ]
                results.append(result.scores)
                bar.update()
            rows += _rows(group, results)
    metrics = {"protocol": "first-frame", "size": SIZE, "rows": rows, "clips": each}
    return metrics, np.vstack(strips)


def table(metrics: dict[str, Any]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| clips | method | mouth PSNR dB | over copy | sharpness | aperture r | opening | eyes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in metrics["rows"]:
        compared = row["method"] != "truth"  # with itself the truth agrees perfectly
        numbers = [f"{row[n]:{f}}" for n, f in (("mouth_psnr", ".2f"), ("over_copy", "+.2f"))]
        cells = [f"{row['group']} ({row['clips']})", row["method"]]
        cells += numbers if compared else ["-", "-"]
        rest = (row[name] for name in ("sharpness", "aperture", "opening", "eyes"))
        cells += ["-" if number is None else f"{number:.2f}" for number in rest]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _other_sound(clip: ClipFile, groups: dict[str, list[ClipFile]]) -> Float[Tensor, "80 steps"]:
    """The mel of the clip before this one; of the only one, its own from back to front."""
    clips = [c for group in groups.values() for c in group]
    return clips[clips.index(clip) - 1].mel if len(clips) > 1 else clip.mel.flip(1)


def _rows(group: str, results: list[dict[str, Score]]) -> list[dict[str, Any]]:
    """A row a method, each with its gain over copying the photo."""
    rows = [_mean(group, method, [r[method] for r in results]) for method in METHODS]
    copy = rows[METHODS.index("copy first frame")]["mouth_psnr"]
    return [{**row, "over_copy": row["mouth_psnr"] - copy} for row in rows]


def _mean(group: str, method: str, scores: list[Score]) -> dict[str, Any]:
    """Means over the clips, each over those in which the score exists."""
    values = np.array(scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as meant
        mean = Score(*np.nanmean(values, 0).tolist())
    return {"group": group, "method": method, "clips": len(scores), **_named(mean)}


def _named(score: Score) -> dict[str, float | None]:
    """By name; what does not exist is None, since JSON knows no NaN."""
    return {k: None if np.isnan(v) else float(v) for k, v in score._asdict().items()}


def _strip(result: Compared, columns: int = 10) -> UInt8[np.ndarray, "H W 3"]:
    """Truth, model and mask of a clip, one above the other, at moments spread over it."""
    truth, model = result.clip.truth, result.videos["model"]
    moments = np.linspace(0, len(truth) - 1, columns).round().astype(int)
    masks = [cv2.resize(result.masks[i], (SIZE, SIZE)) * 255 for i in moments]
    grey = [np.repeat(mask[..., None], 3, -1).astype(np.uint8) for mask in masks]
    return np.vstack([np.hstack(row) for row in (truth[moments], model[moments], grey)])
