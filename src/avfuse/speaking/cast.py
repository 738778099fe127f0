"""Who is to say what: people, recordings, and a draw that changes little when others join."""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from avfuse.data.preprocess import VIDEOS
from avfuse.errors import InputError

PHOTOS = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
"""Endings that count as a photo when a folder is searched for people."""

SOUNDS = {".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav", *VIDEOS}
"""Endings that count as a recording: videos have sound too."""


class Job(NamedTuple):
    """One rendering that is to be made."""

    person: str
    face: Path
    recording: Path
    video: Path


def planned(people: Path, speech: Path, output: Path, count: int, seed: int) -> Iterator[Job]:
    """Who says what.

    Yields:
        Jobs, person by person in the order of names.

    Raises:
        InputError: for a folder that holds nothing of use, or two files of one name.
    """
    recordings = named(speech, SOUNDS, "recordings")
    for person, face in named(people, VIDEOS | PHOTOS, "people").items():
        others = [name for name, path in recordings.items() if not path.samefile(face)]
        for name in sorted(others, key=functools.partial(_lot, seed, person))[:count]:
            yield Job(person, face, recordings[name], output / person / f"{name}.mp4")


def named(folder: Path, endings: set[str], what: str) -> dict[str, Path]:
    """Files in a folder and its subfolders by name, which holds the subfolders' names too.

    Raises:
        InputError: if there is none, or two have one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one of {what}")
    found: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings):
        name = "__".join(path.relative_to(folder).with_suffix("").parts)
        if name in found:
            raise InputError(f"{found[name]} and {path} have one name; rename one of them")
        found[name] = path
    if not found:
        raise InputError(
            f"{folder} holds no {what}; expected files like {', '.join(sorted(endings))}"
        )
    return found


def _lot(seed: int, person: str, recording: str) -> str:
    return hashlib.sha256(f"{seed}/{person}/{recording}".encode()).hexdigest()
