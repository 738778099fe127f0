"""A person's footage tracked once, whatever comes between: what is there already is kept."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from tqdm import tqdm

from avfuse.data.preprocess import digest, find_videos
from avfuse.files.whole import write_whole
from avfuse.methods.live_speech_portraits.take import Take, read_take, write_take
from avfuse.methods.live_speech_portraits.tracking import (
    Calibration,
    Filmed,
    calibrated,
    film,
    takes_of,
)


def track_person(videos: Path, labels: Path | None, cache: Path, size: int) -> Path:
    """Track a person's footage; what is there already is left as it is.

    Args:
        videos: folder of videos of one person, or a single video.
        labels: folder of labelled dense points; None finds them.
        cache: where takes are kept.
        size: pixels a side of their pictures.

    Returns:
        The folder of the takes.

    Raises:
        InputError: as of `film` and `calibrated`.
    """
    found = find_videos(videos)
    folder = takes_folder(found, cache, size)
    done = folder / "complete"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    filmed = [_filmed(video, labels, folder) for video in tqdm(found, "following", disable=None)]
    calibration = calibrated(filmed)
    for number, one in enumerate(tqdm(filmed, "fitting faces", unit="video", disable=None)):
        _fit(one, calibration, size, folder / f"{number:05d}")
    done.touch()
    return folder


def takes_of_person(videos: Path, labels: Path | None, cache: Path, size: int) -> list[Take]:
    """A person's takes in order, tracked where they are not yet; arguments as of `track_person`."""
    folder = track_person(videos, labels, cache, size)
    return [read_take(path) for path in sorted(folder.glob("*.safetensors"))]


def takes_folder(videos: Sequence[Path], cache: Path, size: int) -> Path:
    """Where the takes of videos lie: others, or those of another size, lie elsewhere."""
    mark = hashlib.sha256(f"{digest(*videos)}/{size}".encode()).hexdigest()[:12]
    return cache / mark


def _filmed(video: Path, labels: Path | None, folder: Path) -> Filmed:
    """What a video shows, from its file where it was followed before."""
    if labels is not None:
        return film(video, labels)
    kept = folder / f"{digest(video)}.points"
    if not kept.exists():
        seen, times = film(video)[1:]
        write_whole(kept, save({"seen": torch.from_numpy(seen), "times": torch.from_numpy(times)}))
    points = load_file(kept)
    return Filmed(video, points["seen"].numpy(), points["times"].numpy())


def _fit(filmed: Filmed, calibration: Calibration, size: int, place: Path) -> None:
    """Write the takes of a video, and that they are written."""
    fitted = place.with_suffix(".fitted")
    if fitted.exists():
        return
    for number, take in enumerate(takes_of(filmed, calibration, size)):
        write_take(take, place.with_name(f"{place.name}-{number}.safetensors"))
    fitted.touch()
