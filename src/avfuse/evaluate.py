"""The first-frame protocol: a photo and sound in, compared with what really was filmed.

Papers 000 and 001 score on LRW: the clip's first frame as a photo and the clip's sound give a clip.
The head of a photo does not move, so the true frames are first laid onto the first one by eyes and
nose; what is left to compare is the mouth.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.data.clip import ClipFile, lip_aperture, lip_shapes
from avfuse.data.pairs import View, compose, sample, similarity, transform
from avfuse.faces.crop import MOUTH, Box
from avfuse.faces.landmarks import LandmarkReader
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
) -> tuple[Video, Float[np.ndarray, "T size size"]]:  # fmt: skip
    """The photo speaking a recording: frames and attention masks at 128²."""
    device = next(network.parameters()).device
    image = torch.from_numpy(photo).to(device).permute(2, 0, 1).float().unsqueeze(0) / 255
    frames, masks = [], []
    for part in mel_windows(mel, times, network.audio.steps).to(device).split(16):
        generated = network(image.expand(len(part), -1, -1, -1), network.prepare(part[None]).fold())
        frames.append((generated.image * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())
        masks.append(generated.mask[:, 0].float().cpu().numpy())
    shrunk = [cv2.resize(f, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for f in np.concatenate(frames)]
    return np.stack(shrunk), np.concatenate(masks)


def score(video: Video, clip: Aligned, reader: LandmarkReader) -> Score:
    """Compare a generated video with the aligned truth."""
    rows, columns = mouth_region(clip.landmarks)
    mouth = [v[:, rows, columns].astype(np.float32) for v in (video, clip.truth)]
    error = np.square(mouth[0] - mouth[1]).mean()
    energy = [np.square(np.diff(m, axis=1)).mean() + np.square(np.diff(m, axis=2)).mean() for m in mouth]
    opening = read_aperture(video, reader)
    above = slice(0, int(clip.landmarks[30, 1]))
    still = np.abs(video[:, above].astype(np.float32) - video[:1, above]).mean()
    return Score(
        mouth_psnr=float(10 * np.log10(255**2 / max(error, 1e-6))),
        sharpness=float(energy[0] / energy[1]),
        aperture=correlation(opening, clip.aperture),
        opening=float(opening.std() / clip.aperture.std()),
        eyes=float(still),
    )


def mouth_region(landmarks: Float[np.ndarray, "68 2"]) -> tuple[slice, slice]:
    """Rows and columns of the square of 1.7 mouth widths around the photo's mouth."""
    half = 0.85 * float(np.linalg.norm(landmarks[54] - landmarks[48]))
    x, y = landmarks[MOUTH].mean(0)
    box = Box(x - half, y - half, x + half, y + half)
    x0, y0, x1, y1 = (int(np.clip(round(edge), 0, SIZE)) for edge in box)
    return slice(y0, y1), slice(x0, x1)


def read_aperture(video: Video, reader: LandmarkReader) -> Float[np.ndarray, "T"]:
    """The lips' opening in every frame, as the landmark network sees it."""
    landmarks, _ = reader.read_crops(video)
    return lip_aperture(torch.from_numpy(lip_shapes(landmarks))).numpy()


def correlation(a: Float[np.ndarray, "T"], b: Float[np.ndarray, "T"]) -> float:
    """Pearson's; NaN where one of the two does not move."""
    moves = min(a.std(), b.std()) > 1e-6
    return float(np.corrcoef(a, b)[0, 1]) if moves else float("nan")


def first_frame(
    network: Generator, clips: Sequence[ClipFile], reader: LandmarkReader
) -> Iterator[dict[str, Score]]:
    """Score every clip: the model, its controls, and copying the photo.

    The controls: the model driven by silence, and by the sound of another clip. `truth` scores the
    true frames themselves: what the landmark network can read at best.
    """
    for number, clip in enumerate(clips):
        aligned = align(clip, network.size)
        other = clips[number - 1].mel
        silence = torch.full_like(clip.mel, SILENCE)
        small = cv2.resize(aligned.photo, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        videos = {
            "truth": aligned.truth,
            "copy first frame": np.repeat(small[None], len(aligned.truth), 0),
            "model, silence": speak(network, aligned.photo, silence, aligned.times)[0],
            "model, other sound": speak(network, aligned.photo, other, aligned.times)[0],
            "model": speak(network, aligned.photo, clip.mel, aligned.times)[0],
        }
        yield {name: score(video, aligned, reader) for name, video in videos.items()}
