"""From video files to cached clips: a pure function of one video, and the folder around it."""

import hashlib
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from avfuse.data.clip import Clip, save_clip
from avfuse.data.offset import in_sync
from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.data.tracked import track_landmarks
from avfuse.errors import InputError
from avfuse.files.weights import shipped
from avfuse.geometry.box import Box, box_from_landmarks, crop, frame_to_crop, square_around
from avfuse.geometry.lips import smooth
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio
from avfuse.video.read import frames

_log = logging.getLogger(__name__)

_Place = str | Path

VIDEOS = {".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
"""Endings that count as a video when a folder is searched."""

_LARGEST = 384  # pixels a side of a cached crop; larger faces are scaled down to it
_FORMAT, _RENDERED = "2", "1"  # of cached videos and faces; another one makes them anew
MARGIN = 1.25
"""Sides of a cached crop, in those of the network's squares: room for random views."""
NETWORK = shipped("avfuse.faces", "landmarks.safetensors")
"""The shipped landmark network's file: it stands for the labels that it makes."""


def preprocess(
    video: Path,
    landmarks: Float[np.ndarray, "T 68 2"],
    around: Float[np.ndarray, "T2 68 2"] | None = None,
    margin: float = MARGIN,
) -> Clip:
    """Crop one video around its head.

    Args:
        video: with sound.
        landmarks: of every frame, in pixels of the video; NaN where no face was found.
        around: landmarks that the crop is laid around; None for its own. Videos of one person that
            are to agree pixel by pixel share them.
        margin: sides of the crop, in those of the network's squares together.

    Returns:
        The clip; frames without a label at the end are left out.

    Raises:
        InputError: if the video cannot be read or has no labelled face.
    """
    square = _square(smooth(landmarks if around is None else around), margin)
    if square is None:
        raise InputError(f"{video}: no frame has landmarks; remove the video or label it")
    size = min(_LARGEST, round(square.side))
    crops = np.empty((len(landmarks), size, size, 3), np.uint8)  # of a long video, no two copies
    times = []
    for number, frame in enumerate(itertools.islice(frames(video), len(landmarks))):
        crops[number] = crop(frame.image, square, size)
        times.append(frame.time)
    matrix = frame_to_crop(square, size)
    points = landmarks[: len(times)] @ matrix[:, :2].T + matrix[:, 2]
    return Clip(
        torch.from_numpy(crops[: len(times)]),
        torch.from_numpy(points.astype(np.float32)),
        torch.tensor(times, dtype=torch.float64),
        mel_spectrogram(read_audio(video)),
    )


class SourceClip(NamedTuple):
    """A video by its folder and its name, and where its cached clip lies."""

    speaker: str
    name: str
    path: Path


class Source(NamedTuple):
    """A video that a cached clip is made of.

    Attributes:
        video: with sound.
        label: the file of its landmarks, or None where the built-in tracker is to find them.
        clip: what it becomes; the file need not be there yet.
        margin: of the crop, as of `preprocess`.
    """

    video: Path
    label: Path | None
    clip: SourceClip
    margin: float = MARGIN

    def wide(self, margin: float) -> "Source":
        """The same video, more of it around the head, in a file of its own."""
        path = self.clip.path
        clip = self.clip._replace(path=path.with_stem(f"{path.stem}-{margin:g}"))
        return self._replace(clip=clip, margin=margin)


def source_clips(videos: Path, labels: Path | None, cache: Path) -> list[Source]:
    """List a folder of videos and where their cached clips lie; nothing is read yet.

    Args:
        videos: searched through all its subfolders; or a single video.
        labels: folder of the labels; None where they lie beside the videos, or are to be made:
            a video without a label file is then tracked.
        cache: for `<speaker>/<clip>-<digest>.safetensors`.

    Returns:
        One entry a video, in the order of names.

    Raises:
        InputError: if there are no videos, or `labels` lacks one.
    """
    return [_source(video, find_label(video, labels), cache) for video in find_videos(videos)]


def folders_of(
    videos: _Place | Sequence[_Place] | None, labels: _Place | Sequence[_Place | None] | None
) -> list[tuple[Path, Path | None]]:
    """Folders of videos, each with that of its labels, as options name them.

    Args:
        videos: one or several.
        labels: one for all, or one for each, None where they lie beside the videos or are made.

    Raises:
        InputError: there are not as many.
    """
    places = [videos] if isinstance(videos, (str, Path)) else [*(videos or ())]
    if labels is None or isinstance(labels, (str, Path)):
        labels = [labels] * len(places)
    if len(labels) != len(places):
        raise InputError(
            f"data.labels names {len(labels)} folders for {len(places)} of data.videos; expected "
            f"one for all of them or as many, null where labels lie beside the videos"
        )
    both = zip(places, labels, strict=True)
    return [(Path(place), None if label is None else Path(label)) for place, label in both]


def find_videos(folder: Path) -> list[Path]:
    """Every video in a folder and its subfolders, in the order of names; or the one that is given.

    Raises:
        InputError: if there is none.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one with video files in it")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in VIDEOS)
    if not found:
        raise InputError(
            f"{folder} holds no videos; expected files like {', '.join(sorted(VIDEOS))}"
        )
    return found


def make_clip(source: Source) -> SourceClip:
    """Preprocess one video, unless its cached clip is there.

    Raises:
        InputError: if video or label cannot be read, or no frame has landmarks.
    """
    path = source.clip.path
    if not path.exists():
        clip = in_sync(cropped(source))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_clip(clip, path)
        if clip.late:
            _log.warning("%s: its sound is %+.0f ms late; moved", source.video, 1000 * clip.late)
    return source.clip


def cropped(source: Source) -> Clip:
    """A video cropped around its head, its sound where the file has it.

    Raises:
        InputError: as of `make_clip`.
    """
    label = source.label
    landmarks = track_landmarks(source.video) if label is None else read_label(label)
    return preprocess(source.video, landmarks, margin=source.margin)


def cached_clips(videos: Path, labels: Path | None, cache: Path) -> list[SourceClip]:
    """Preprocess a folder of videos, as of `source_clips`, by `make_clips`."""
    return make_clips(source_clips(videos, labels, cache))


def make_clips(sources: Sequence[Source]) -> list[SourceClip]:
    """Preprocess videos; what is cached already is left as it is.

    Returns:
        One entry a video, in the same order.

    Raises:
        InputError: at the first video that `make_clip` refuses.
    """
    missing = [source for source in sources if not source.clip.path.exists()]
    for source in tqdm(missing, "cropping clips", unit="clip", disable=not missing or None):
        make_clip(source)
    return [source.clip for source in sources]


def cached_twins(count: int, seed: int, cache: Path) -> list[tuple[Path, Path]]:
    """Render procedural faces, each saying two things; what is cached already is left as it is."""
    folder = cache / "synthetic"
    folder.mkdir(parents=True, exist_ok=True)
    twins = [
        tuple(folder / f"{seed}-{face}-{voice}-{_RENDERED}.safetensors" for voice in range(2))
        for face in range(count)
    ]
    missing = [f for f in range(count) if not all(path.exists() for path in twins[f])]
    for face in tqdm(missing, "rendering faces", unit="face", disable=not missing or None):
        for voice, path in enumerate(twins[face]):
            number = seed * 1_000_000 + face * 2
            save_clip(_from_synthetic(synthetic_clip(number, speech_seed=number + voice)), path)
    return [(a, b) for a, b in twins]


def _from_synthetic(clip: SyntheticClip) -> Clip:
    return Clip(
        torch.from_numpy(clip.frames),
        torch.from_numpy(clip.landmarks),
        torch.from_numpy(clip.times),
        mel_spectrogram(torch.from_numpy(clip.waveform)),
    )


def _square(landmarks: Float[np.ndarray, "T 68 2"], margin: float) -> Box | None:
    """One square that holds the network's square of every frame, with a margin."""
    seen = landmarks[~np.isnan(landmarks).any((1, 2))]
    if not len(seen):
        return None
    return square_around([box_from_landmarks(points) for points in seen]).grown(margin)


def _source(video: Path, label: Path | None, cache: Path) -> Source:
    # Without a label, the landmarks come from the shipped network: its file stands for them.
    mark = digest(video, label or NETWORK)
    speaker = _speaker(video)
    path = cache / speaker / f"{video.stem}-{mark}.safetensors"
    return Source(video, label, SourceClip(speaker, video.stem, path))


def _speaker(video: Path) -> str:
    return video.absolute().parent.name  # absolute: the folder may have been given as "."


def find_label(video: Path, labels: Path | None) -> Path | None:
    """The label file of a video, in a folder of them or beside it; None: there is none beside it.

    Raises:
        InputError: if the folder lacks it.
    """
    folder = video.parent if labels is None else labels
    names = [f"{_speaker(video)}__{video.stem}.npz", f"{video.stem}.npz"]
    for name in names:
        if (folder / name).exists():
            return folder / name
    if labels is None:
        return None
    raise InputError(f"{video}: no landmark labels; expected {folder / names[0]} or {names[1]}")


def read_label(label: Path) -> Float[np.ndarray, "T 68 2"]:
    """Read landmarks that somebody labelled.

    Raises:
        InputError: if the file holds none.
    """
    try:
        with np.load(label, allow_pickle=False) as file:
            landmarks = file["landmarks"]
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise InputError(f"{label}: expected a .npz with an array `landmarks` ({error})") from error
    if landmarks.ndim != 3 or landmarks.shape[1] != 68 or landmarks.shape[2] < 2:
        raise InputError(f"{label}: landmarks are {landmarks.shape}; expected (frames, 68, 2)")
    return landmarks[..., :2]


def digest(*files: Path) -> str:
    """What changes when one of the files does."""
    facts = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return hashlib.sha256(repr((_FORMAT, facts)).encode()).hexdigest()[:12]
