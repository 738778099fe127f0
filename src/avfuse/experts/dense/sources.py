"""Faces with labelled dense points, of clips and portraits: cropped upright once, and kept."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors.torch import load_file, save
from tqdm import tqdm

from avfuse.data.dense_labels import read_array, read_points
from avfuse.data.preprocess import find_videos
from avfuse.errors import InputError
from avfuse.faces.dense import SIDE, upright
from avfuse.files.whole import write_whole
from avfuse.geometry.affine import transform
from avfuse.geometry.box import Frame, crop, frame_to_crop
from avfuse.geometry.dense import landmarks_of
from avfuse.video.read import frames

KEPT, ROOM = 176, 1.375
"""Pixels a side of a face that is kept, and its side in sides of what the network sees."""

PORTRAITS = "portraits"
"""Whose name each portrait bears: there is one picture of each person."""

_FORMAT = "1"  # of the cache; another one makes it anew

Mesh = Float[np.ndarray, "468 3"]


class Source(NamedTuple):
    """Pictures that faces are cropped from.

    Attributes:
        person: whom they show; of `PORTRAITS`, each another one.
        name: of the clip, or the portraits' own.
        media: the video, or the folder of portraits.
        label: the file of their points.
    """

    person: str
    name: str
    media: Path
    label: Path


class Faces(NamedTuple):
    """Cropped faces of one source.

    Attributes:
        images: upright, RGB.
        points: in pixels of the images, depth in the same unit.
    """

    images: UInt8[np.ndarray, "N 176 176 3"]
    points: Float[np.ndarray, "N 468 3"]

    def only(self, numbers: list[int]) -> "Faces":
        """Some of them."""
        return Faces(self.images[numbers], self.points[numbers])


def find_sources(videos: Path, labels: Path, portraits: Path | None) -> list[Source]:
    """Every video that has a label `<folder>__<name>.npz`, and the portraits, in order of names.

    Args:
        videos: folder that is searched for them, through all its subfolders.
        labels: folder of the labels.
        portraits: folder of portraits with a `mesh.npz`, or None.

    Raises:
        InputError: there is no video, or none has a label.
    """
    found = [_clip(video, labels) for video in find_videos(videos)]
    sources = [source for source in found if source.label.exists()]
    if not sources:
        raise InputError(f"{labels} holds no label of {videos}; expected <folder>__<video>.npz")
    if portraits is not None:
        sources.append(Source(PORTRAITS, PORTRAITS, portraits, portraits / "mesh.npz"))
    return sources


def _clip(video: Path, labels: Path) -> Source:
    person, name = video.parent.name, video.stem
    return Source(person, name, video, labels / f"{person}__{name}.npz")


def cached_faces(sources: Sequence[Source], most: int, cache: Path) -> list[Path]:
    """Crop the faces that are not cropped yet.

    Args:
        sources: where they are.
        most: faces kept of a person, about; portraits are all kept.
        cache: folder of the files.

    Returns:
        A file each, for `read_faces`.

    Raises:
        InputError: a label or its pictures cannot be used.
    """
    cache.mkdir(parents=True, exist_ok=True)
    total = Counter[str]()
    for source in sources:
        total[source.person] += len(read_points(source.label))
    every = {person: -(-count // most) for person, count in total.items()} | {PORTRAITS: 1}
    paths = [cache / f"{_key(source, every[source.person])}.safetensors" for source in sources]
    todo = [(s, p) for s, p in zip(sources, paths, strict=True) if not p.exists()]
    for source, path in tqdm(todo, "cropping faces", unit="clip", disable=not todo):
        _write_faces(cropped(source, every[source.person]), path)
    return paths


def cropped(source: Source, every: int = 1) -> Faces:
    """The labelled faces of each n-th picture of a source.

    Raises:
        InputError: the label or the pictures cannot be read, or no picture shows a face.
    """
    seen = [crop_face(*labelled) for labelled in labelled_pictures(source, every)]
    if not seen:
        raise InputError(f"{source.label}: no face is labelled; take {source.media} away")
    images, points = zip(*seen, strict=True)
    return Faces(np.stack(images), np.stack(points))


def labelled_pictures(source: Source, every: int = 1) -> Iterator[tuple[Frame, Mesh]]:
    """Each n-th picture that shows a face, with its points in pixels of the picture."""
    points = read_points(source.label)
    for number, (image, mesh) in enumerate(zip(pictures(source), points, strict=False)):
        if number % every == 0 and not np.isnan(mesh).any():
            yield image, mesh


def crop_face(image: Frame, mesh: Mesh) -> tuple[UInt8[np.ndarray, "176 176 3"], Mesh]:
    """A face upright, with room around it, and its points there."""
    box, roll = upright(landmarks_of(mesh[:, :2]))
    wide = box.grown(ROOM)
    matrix = frame_to_crop(wide, KEPT, roll)
    depth = mesh[:, 2] * KEPT / wide.side
    points = np.column_stack([transform(mesh[:, :2], matrix), depth])
    return crop(image, wide, KEPT, roll), points.astype(np.float32)


def read_faces(path: Path) -> Faces:
    """Read what `cached_faces` wrote."""
    tensors = load_file(path)
    return Faces(tensors["images"].numpy(), tensors["points"].numpy())


def _write_faces(faces: Faces, path: Path) -> None:
    tensors = {name: torch.from_numpy(value) for name, value in faces._asdict().items()}
    write_whole(path, save(tensors))


def pictures(source: Source) -> Iterator[Frame]:
    """What a source shows, labelled or not, in order.

    Raises:
        InputError: a picture cannot be read.
    """
    if source.person != PORTRAITS:
        yield from (frame.image for frame in frames(source.media))
        return
    for name in read_array(source.label, "names"):
        image = cv2.imread(str(source.media / str(name)))
        if image is None:
            raise InputError(f"{source.media / str(name)}: cannot be read as a picture")
        yield np.ascontiguousarray(image[..., ::-1], np.uint8)


def _key(source: Source, every: int) -> str:
    """Name of the cached file: another label, length, or way to crop has another."""
    stamp = source.label.stat().st_mtime_ns
    told = (_FORMAT, *map(str, source), str(stamp), str(every), str(SIDE), str(ROOM))
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()
    return f"{source.person}-{digest[:16]}"
