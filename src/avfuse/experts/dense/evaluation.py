"""How well dense points are read of people kept out of training, as the tables of docs/faces.md.

    python -m avfuse.experts.dense.evaluation ../shared/data

prints them. All is read as `avfuse faces --mesh` reads it: found, followed, read, steadied.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avfuse.data.dense_labels import read_points
from avfuse.data.preprocess import VIDEOS
from avfuse.errors import InputError
from avfuse.experts.dense.sources import PORTRAITS, Mesh, Source, pictures
from avfuse.experts.dense.training import CORNERS, LIPS
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.dense import DenseReader, load_dense_net
from avfuse.faces.dense_tracker import DenseTracker
from avfuse.faces.tracker import Face, FaceTracker
from avfuse.geometry.box import MOUTH
from avfuse.geometry.dense import landmarks_of
from avfuse.video.read import TimedFrame, frames

UNSEEN = ("grid/s3", "grid/s4", "grid/s14", "grid/s23", "talking/demo1_video", "more/crema_1001")
"""Folders or clips of people whom training never sees."""

HELD_BACK = 10
"""One of n portraits is kept out of training, the first among them."""

SPEED = "more/obama/00.mp4"
"""The clip that is timed: 1280x720, one face."""

_STILL = slice(27, 48)  # nose and eyes: what speaking does not move
_FRAMES, _ROUNDS = 75, 5  # that are timed


class Read(NamedTuple):
    """Labelled pictures, and what was read of them; NaN where no face was found.

    Attributes:
        labels: true points, in pixels.
        meshes: points that were read.
        landmarks: the 68 that the landmark network read.
    """

    labels: Float[np.ndarray, "T 468 3"]
    meshes: Float[np.ndarray, "T 468 3"]
    landmarks: Float[np.ndarray, "T 68 2"]


def read_clip(source: Source, tracker: FaceTracker) -> Read:
    """Read a labelled clip."""
    shown = [faces for _, faces in tracker.track(frames(source.media))]
    return _read(read_points(source.label), shown)


def read_portraits(source: Source, tracker: FaceTracker) -> list[Read]:
    """Read the portraits that are kept out of training, each a clip of its own."""
    labels = read_points(source.label)[::HELD_BACK]
    stills = itertools.islice(pictures(source), 0, None, HELD_BACK)
    shown = (next(iter(tracker.track([TimedFrame(still, 0.0)]))) for still in stills)
    return [_read(one[None], [faces]) for one, (_, faces) in zip(labels, shown, strict=True)]


def _read(labels: Float[np.ndarray, "N 468 3"], shown: Sequence[tuple[Face, ...]]) -> Read:
    pairs = [(label, _points(faces)) for label, faces in zip(labels, shown, strict=False)]
    meshes, landmarks = zip(*(points for _, points in pairs), strict=True)
    return Read(np.stack([label for label, _ in pairs]), np.stack(meshes), np.stack(landmarks))


def _points(faces: tuple[Face, ...]) -> tuple[Mesh, Float[np.ndarray, "68 2"]]:
    if not faces or faces[0].mesh is None or faces[0].landmarks is None:
        return np.full((468, 3), np.nan), np.full((68, 2), np.nan)
    return faces[0].mesh, faces[0].landmarks


def scores(clips: Sequence[Read]) -> dict[str, float]:
    """How far off the points of some people's clips are, in percent of the eyes' distance.

    Returns:
        Means over points and pictures of `all` dense points, those of the `lips`, and in `depth`;
        of the `68 of them` that are landmarks and of the landmark `network`'s, and the `mouth`s of
        both; how these and the labels `jitter`; and in how many percent of the labelled pictures a
        face was `found`.
    """
    off = np.concatenate([(c.meshes - c.labels) / _eyes(c.labels)[..., None] for c in clips])
    place = np.linalg.norm(off[..., :2], axis=-1)
    ours = landmarks_of(place[..., None])[..., 0]
    network = np.concatenate([_landmarks_off(clip) for clip in clips])
    labelled = np.concatenate([~np.isnan(clip.labels).any((1, 2)) for clip in clips])
    of_mesh = [jitter(landmarks_of(clip.meshes)[..., :2], _eyes(clip.labels)) for clip in clips]
    of_network = [jitter(clip.landmarks, _eyes(clip.labels)) for clip in clips]
    of_labels = [jitter(landmarks_of(clip.labels)[..., :2], _eyes(clip.labels)) for clip in clips]
    found = {
        "all": np.nanmean(place),
        "lips": np.nanmean(place[:, LIPS]),
        "depth": np.nanmean(np.abs(off[..., 2])),
        "68 of them": np.nanmean(ours),
        "network": np.nanmean(network),
        "mouth": np.nanmean(ours[:, MOUTH]),
        "network's mouth": np.nanmean(network[:, MOUTH]),
        "jitter": np.mean(of_mesh),
        "network's jitter": np.mean(of_network),
        "labels' jitter": np.mean(of_labels),
        "found": (~np.isnan(network[:, 0]))[labelled].mean(),
    }
    return {name: 100 * float(value) for name, value in found.items()}


def _landmarks_off(clip: Read) -> Float[np.ndarray, "T 68"]:
    off = clip.landmarks - landmarks_of(clip.labels)[..., :2]
    return np.linalg.norm(off, axis=-1) / _eyes(clip.labels)


def _eyes(labels: Float[np.ndarray, "T 468 3"]) -> Float[np.ndarray, "T 1"]:
    """The distance between the eyes' outer corners in the picture."""
    left, right = labels[:, CORNERS[0], :2], labels[:, CORNERS[1], :2]
    return np.linalg.norm(right - left, axis=-1, keepdims=True)


def jitter(landmarks: Float[np.ndarray, "T 68 2"], unit: Float[np.ndarray, "T 1"]) -> float:
    """How far nose and eyes lie from the middle of where they are a frame before and after.

    Args:
        landmarks: of a clip, frame by frame.
        unit: that the distance is measured in.

    Returns:
        Root of the mean square over points and frames; NaN where no three frames lie in a row.
    """
    points = landmarks[:, _STILL]
    off = points[1:-1] - (points[:-2] + points[2:]) / 2
    squared = (off**2).sum(-1) / unit[1:-1] ** 2
    return float(np.sqrt(np.nanmean(squared))) if np.isfinite(squared).any() else np.nan


def speed(clip: Path, reader: DenseReader) -> dict[str, dict[str, float]]:
    """Milliseconds of processor time a frame, by turns without and with dense points.

    Returns:
        Of either the least and the median of some rounds.
    """
    seen = list(itertools.islice(frames(clip), _FRAMES))
    plain = BuiltinTracker()
    stages: dict[str, FaceTracker] = {
        "68 landmarks": plain,
        "and 468 dense points": DenseTracker(plain, reader),
    }
    taken: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(_ROUNDS):
        for name, stage in stages.items():
            start = time.process_time()
            count = sum(1 for _ in stage.track(seen))
            taken[name].append(1000 * (time.process_time() - start) / count)
    return {k: {"least": min(v), "median": statistics.median(v)} for k, v in taken.items()}


def rows(data: Path, reader: DenseReader) -> dict[str, dict[str, float]]:
    """Scores of everybody kept out of training, as far as they are there.

    Raises:
        InputError: if nobody is.
    """
    tracker, found = DenseTracker(BuiltinTracker(), reader), dict[str, dict[str, float]]()
    for name in UNSEEN:
        clips = [read_clip(source, tracker) for source in _clips(data, name)]
        found |= {name: scores(clips)} if clips else {}
    if (data / PORTRAITS).is_dir():
        label = data / PORTRAITS / "mesh.npz"
        portraits = Source(PORTRAITS, PORTRAITS, data / PORTRAITS, label)
        found[PORTRAITS] = scores(read_portraits(portraits, tracker))
    if not found:
        raise InputError(f"{data} has none of {', '.join(UNSEEN)}, {PORTRAITS}")
    return found


def _clips(data: Path, name: str) -> list[Source]:
    """The labelled clips of a folder, or the one of that name."""
    place = data / name
    videos = sorted(place.iterdir()) if place.is_dir() else sorted(data.glob(f"{name}.*"))
    sources = [
        Source(v.parent.name, v.stem, v, data / "mesh" / f"{v.parent.name}__{v.stem}.npz")
        for v in videos
        if v.suffix in VIDEOS | {".flv"}
    ]
    return [source for source in sources if source.label.exists()]


def table(found: Mapping[str, Mapping[str, float]], first: str) -> str:
    """Rows of numbers by name as Markdown."""
    columns = list(next(iter(found.values())))
    lines = [f"| {' | '.join([first, *columns])} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in found.items():
        cells = ["–" if np.isnan(row[c]) else f"{row[c]:.2f}" for c in columns]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.dense.evaluation")
    parser.add_argument("data", type=Path, help="folder with grid, talking, mesh, portraits, ...")
    parser.add_argument("--weights", type=Path, help="file by save_dense_net; default: shipped")
    options = parser.parse_args(words)
    reader = DenseReader(load_dense_net(options.weights))
    print(table(rows(options.data, reader), "% of the eyes' distance"), end="\n\n", flush=True)
    if (clip := options.data / SPEED).exists():
        print(table(speed(clip, reader), "ms of a processor, 1280x720"))


if __name__ == "__main__":
    main()
