"""Videos that any other system made, against the true ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.preprocess import find_videos
from avfuse.errors import InputError
from avfuse.evaluation.case import Shown, Skipped, digest
from avfuse.evaluation.score import TRUTH
from avfuse.evaluation.task import SIZE, Target, Video
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import OneFace
from avfuse.geometry.affine import transform
from avfuse.geometry.box import crop, frame_to_crop
from avfuse.geometry.lips import lip_aperture, lip_shapes
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio
from avfuse.video.read import frames, probe

COPY, GENERATED = "copy first frame", "generated"

_ALIKE = 1  # pixels by which sides may differ: encoders make odd ones even
_SLACK = 2  # frames by which lengths may differ without a word


@dataclass(frozen=True)
class FilePair:
    """A generated video and the true one.

    Attributes:
        clip: their name.
        generated: made by any system.
        reference: the truth.
    """

    clip: str
    generated: Path
    reference: Path
    group: str = "all"
    methods: tuple[str, ...] = (TRUTH, COPY, GENERATED)

    @property
    def key(self) -> str:
        stats = [(p.name, p.stat()) for p in (self.generated, self.reference)]
        return digest(self.clip, [(name, s.st_size, s.st_mtime_ns) for name, s in stats])

    def show(self, methods: tuple[str, ...]) -> Shown:
        self._check_alike()
        both = self._read()
        # The first frame is not compared: copying it would have 100 dB there.
        true, made, landmarks = both.true[1:], both.made[1:], both.landmarks[1:]
        copy = np.repeat(both.true[:1], len(true), 0)
        aperture = lip_aperture(torch.from_numpy(lip_shapes(landmarks))).numpy()
        sound = _sound(self.reference)
        target = Target(true, copy, landmarks, aperture, both.times[1:], sound)
        videos = dict(zip(self.methods, (true, copy, made), strict=True))
        asked = {name: video for name, video in videos.items() if name in methods}
        return Shown(target, asked, note=both.note)

    def _check_alike(self) -> None:
        made, true = probe(self.generated), probe(self.reference)
        sides = max(abs(made.width - true.width), abs(made.height - true.height))
        if sides > _ALIKE:
            raise InputError(
                f"{self.generated} is {made.width}x{made.height}, the reference "
                f"{true.width}x{true.height}; scale one of them"
            )
        if abs(made.fps / true.fps - 1) > 0.01:
            raise InputError(
                f"{self.generated} has {made.fps:.3g} frames a second, the reference "
                f"{true.fps:.3g}; give both the same"
            )

    def _read(self) -> "_Both":
        true, made, landmarks, times = [], [], [], []
        counts = [0, 0]
        tracked = OneFace(BuiltinTracker()).track(frames(self.reference, exact=True))
        for seen, other in zip_longest(tracked, frames(self.generated, exact=True)):
            counts[0] += other is not None
            counts[1] += seen is not None
            if seen is None or other is None:
                continue
            frame, face = seen
            if face is not None and face.landmarks is not None:
                true.append(crop(frame.image, face.box, SIZE))
                made.append(crop(other.image, face.box, SIZE))
                landmarks.append(transform(face.landmarks, frame_to_crop(face.box, SIZE)))
                times.append(frame.time)
        if len(times) < 2:
            raise InputError(f"{self.reference}: no face found; give a video that shows one")
        return _Both(
            np.stack(true),
            np.stack(made),
            np.stack(landmarks).astype(np.float32),
            torch.tensor(times, dtype=torch.float64),
            _note(*counts),
        )


class _Both(NamedTuple):
    """Both videos, cropped by the reference's face, where it is seen and both have a frame."""

    true: Video
    made: Video
    landmarks: Float[np.ndarray, "T 68 2"]
    times: Float[Tensor, "T"]
    note: str


def _note(made: int, true: int) -> str:
    if abs(made - true) <= _SLACK:
        return ""
    return f"{made} frames generated, {true} true; what goes beyond the shorter is not compared"


def file_pairs(generated: Path, reference: Path) -> tuple[list[FilePair], list[Skipped]]:
    """Pair the videos of two folders by their names without endings, subfolders included.

    Args:
        generated: folder of what a system made, any container.
        reference: folder of what was filmed.

    Returns:
        The pairs, in the order of names, and the videos that have no partner.

    Raises:
        InputError: if a folder has no videos, or two of one name.
    """
    made, true = (dict(_named(folder)) for folder in (generated, reference))
    pairs = [FilePair(name, made[name], true[name]) for name in made if name in true]
    alone = [Skipped(name, f"is not in {reference}") for name in made if name not in true]
    alone += [Skipped(name, f"is not in {generated}") for name in true if name not in made]
    return pairs, alone


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    taken: dict[str, Path] = {}
    for path in find_videos(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in taken:
            raise InputError(f"{taken[name]} and {path} have one name; remove one of them")
        taken[name] = path
        yield name, path


def _sound(path: Path) -> Float[Tensor, "80 steps"] | None:
    """The mel of a video's sound, or None where it has none that can be heard."""
    try:
        return mel_spectrogram(read_audio(path))
    except (InputError, ValueError):
        return None
