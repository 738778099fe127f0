"""Pairs that a teacher rendered: one person's video, saying other things in the same frames (IV-B).

The paper's own scheme. `avfuse render-pairs` makes such a folder: `<person>/<recording>.mp4`, and
`pairs.jsonl`, which says what each is.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from avfuse.data.clip import ClipFile, save_clip
from avfuse.data.offset import in_sync
from avfuse.data.pairs import Moment, Pair, RenderedTwins, View, starts
from avfuse.data.preprocess import NETWORK, digest, find_label, preprocess, read_label
from avfuse.data.tracked import track_landmarks
from avfuse.errors import InputError
from avfuse.video.audio import AudioReader
from avfuse.video.read import probe

MANIFEST = "pairs.jsonl"
"""A line of JSON for each rendering."""


class Rendering(NamedTuple):
    """What a teacher rendered, as a line of the manifest says it.

    Attributes:
        person: whose face it is, by name.
        face: the person's own video or photo.
        recording: the sound that the face says.
        video: the rendering, relative to the manifest's folder.
        seconds: its length.
        model: the teacher, by name or file.
    """

    person: str
    face: str
    recording: str
    video: str
    seconds: float
    model: str


class Taught(NamedTuple):
    """A person's cached clips: the own one, where that is a video with sound, and renderings."""

    person: str
    own: Path | None
    renderings: list[Path]


class TaughtPairs:
    """Pairs from what a teacher made of one person.

    V1 is the person's own clip, V2 the same frames with the lips of a rendering, or the other way
    round. Of a person without a clip of their own, a photo, both are renderings.

    Args:
        person: the name.
        couples: clips that show the same frames, each of both valid where the other is.
    """

    def __init__(self, person: str, couples: Sequence[tuple[ClipFile, ClipFile]]) -> None:
        self.person, self.couples = person, tuple(couples)
        self.clips = tuple(itertools.chain(*couples))

    @classmethod
    def of(cls, taught: Taught, frames: int) -> "TaughtPairs":
        """Those of a person, where both of a pair have `frames` frames with a face in a row."""
        renderings = [ClipFile(path) for path in taught.renderings]
        if taught.own is not None:
            own = ClipFile(taught.own)
            couples = [(own, rendering) for rendering in renderings]
        else:
            couples = list(itertools.combinations(renderings, 2))
        agreed = itertools.starmap(_agreed, couples)
        return cls(taught.person, [pair for pair in agreed if len(starts(pair[0].valid, frames))])

    def moments(self, rng: np.random.Generator, length: int) -> list[tuple[Moment, Moment]]:
        one, other = self.couples[rng.integers(len(self.couples))]
        start = int(rng.choice(starts(one.valid, length)))
        both = (one, other) if rng.random() < 0.5 else (other, one)
        return [(Moment(both[0], start + i), Moment(both[1], start + i)) for i in range(length)]

    def pair(self, first: Moment, second: Moment, view: View) -> Pair:
        return RenderedTwins(first.clip, second.clip).pair(first, second, view)


def _agreed(one: ClipFile, other: ClipFile) -> tuple[ClipFile, ClipFile]:
    """Both, valid only where both are: footage that ran forth and back has frames beyond its own.

    Their arrays stay shared.
    """
    valid = np.intersect1d(one.valid, other.valid)
    return one.only(valid), other.only(valid)


def read_manifest(folder: Path) -> list[Rendering]:
    """What a folder of renderings says that it holds, the last line of each video.

    Raises:
        InputError: if it has no manifest, or that is none.
    """
    path = folder / MANIFEST
    try:
        lines = path.read_text().splitlines()
        found = [Rendering(**json.loads(line)) for line in lines if line.endswith("}")]
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a folder that avfuse render-pairs "
            f"wrote"
        ) from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is no list of renderings: {error}") from error
    return list({rendering.video: rendering for rendering in found}.values())


def cached_taught(folder: Path, cache: Path) -> list[Taught]:
    """Crop all renderings of a folder, and the videos that they were made of.

    All of a person's are cropped alike. The person's own video has labels beside it or is tracked;
    renderings are tracked, for their lips are new. What is cached already is left as it is.

    Args:
        folder: that `avfuse render-pairs` wrote.
        cache: for `taught/<person>/<name>-<digest>.safetensors`.

    Returns:
        One entry a person, in the order of names.

    Raises:
        InputError: for a folder that holds none, or a video that cannot be used.
    """
    found: dict[str, list[Rendering]] = {}
    for rendering in read_manifest(folder):
        if (folder / rendering.video).exists():
            found.setdefault(rendering.person, []).append(rendering)
    if not found:
        raise InputError(f"{folder} holds no renderings; make some by avfuse render-pairs")
    people = tqdm(sorted(found.items()), "cropping renderings", unit="person", disable=None)
    return [_cached(folder, name, renderings, cache) for name, renderings in people]


def _cached(folder: Path, person: str, renderings: Sequence[Rendering], cache: Path) -> Taught:
    place = cache / "taught" / person
    place.mkdir(parents=True, exist_ok=True)
    videos = [folder / rendering.video for rendering in renderings]
    face = Path(renderings[0].face)
    own = face if face.exists() and _speaks(face) else None
    reference = own or videos[0]
    clips = list(_clips([*filter(None, [own]), *videos], reference, place))
    return Taught(person, clips[0] if own else None, clips[1:] if own else clips)


def _clips(videos: Sequence[Path], reference: Path, place: Path) -> Iterator[Path]:
    """Cached clips of videos, all cropped as the reference is."""
    around = None
    for video in videos:
        marks = [label if (label := find_label(v, None)) else NETWORK for v in (video, reference)]
        path = place / f"{video.stem}-{digest(video, reference, *marks)}.safetensors"
        if not path.exists():
            around = _landmarks(reference) if around is None else around
            own = around if video == reference else _landmarks(video)
            save_clip(in_sync(preprocess(video, own, around)), path)
        yield path


def _landmarks(video: Path) -> np.ndarray:
    label = find_label(video, None)
    return track_landmarks(video) if label is None else read_label(label)


def _speaks(face: Path) -> bool:
    """Whether it is a video with sound, which a photo is not."""
    if probe(face).is_photo:
        return False
    try:
        AudioReader(face)
    except InputError:
        return False
    return True
