"""How far motion and pictures are from what was filmed: the paper's Tables 1, 2 and 3.

    python -m avfuse.methods.live_speech_portraits.tables ours=anna.safetensors lstm=b.safetensors \
        --videos anna --pictures 60

Every take that training holds back is spoken as it would be live, from its sound alone, and held
against what was tracked in it; pictures are drawn by true motion, as in Table 3.
"""

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.errors import InputError
from avfuse.files.whole import write_whole
from avfuse.geometry.camera import rotation_matrix
from avfuse.methods.live_speech_portraits.data import portrait
from avfuse.methods.live_speech_portraits.footage import Moving, moving, split
from avfuse.methods.live_speech_portraits.method import Given, LiveSpeechPortraits, Motion
from avfuse.methods.live_speech_portraits.person import Person
from avfuse.methods.live_speech_portraits.points import INNER_LIPS, MOUTH
from avfuse.methods.live_speech_portraits.take import Take
from avfuse.methods.live_speech_portraits.tracked import takes_of_person
from avfuse.metrics.interval import interval
from avfuse.metrics.psnr import psnr
from avfuse.metrics.ssim import ssim
from avfuse.model_file import loaded
from avfuse.sound.mel import mel_windows

STILL = "mean mouth, mean pose"
"""The row that hears nothing."""

_LIPS = MOUTH[7:]
_ENDS = [0, 14]  # of the contour, at the ears
_OPENING = (INNER_LIPS[2], INNER_LIPS[6])  # inner lips, above and below

Models = Mapping[str, LiveSpeechPortraits]


class Errors(NamedTuple):
    """How far a take's motion is off.

    Attributes:
        d_l: distance of the mouth's points, % of the mouth's width.
        d_v: of their velocities, % of it a frame.
        aperture: correlation of the lips' opening with the truth's; NaN where it does not move.
        head_d_l: distance of all points in the picture, as the head moves, % of the face's width.
        head_d_v: of their velocities, % of it a frame.
        d_rot: angle between the head's rotations, degrees.
        d_pos: distance of its translations, % of the distance of the outer eye corners.
    """

    d_l: float
    d_v: float
    aperture: float
    head_d_l: float
    head_d_v: float
    d_rot: float
    d_pos: float


class Looks(NamedTuple):
    """How far pictures are off.

    Attributes:
        l1: levels of 255.
        psnr: dB.
        ssim: structural similarity.
    """

    l1: float
    psnr: float
    ssim: float


@torch.no_grad()
def spoken(method: LiveSpeechPortraits, take: Take) -> Motion:
    """What a take's sound makes a person do at 60 frames a second, as a stream would."""
    windows = mel_windows(take.mel, moving(take).times, method.hears)
    return method.move(windows, None)[0]


def resting(method: LiveSpeechPortraits, count: int) -> Motion:
    """Frames of a person who does nothing."""
    person = method.person
    return Motion(person.face.expand(count, -1, -1), person.pose_mean.expand(count, -1))


def errors(made: Motion, true: Moving, person: Person) -> Errors:
    """Hold motion against what was tracked, as the person's camera sees it."""
    lips = (made.face - true.face)[:, MOUTH] / _width(true.face, _LIPS[:12])
    shown, filmed = (person.camera(m.poses).project(m.face) for m in (made, true))
    head = (shown - filmed) / _width(filmed, _ENDS)
    turned = rotation_matrix(made.poses[:, :3]).mT @ rotation_matrix(true.poses[:, :3])
    cosine = (turned.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    return Errors(
        100 * _length(lips),
        100 * _length(lips.diff(dim=0)),
        _together(_opened(made.face), _opened(true.face)),
        100 * _length(head),
        100 * _length(head.diff(dim=0)),
        float(cosine.clamp(-1, 1).acos().rad2deg().mean()),
        100 * _length(made.poses[:, 3:] - true.poses[:, 3:]),
    )


def score(models: Models, takes: Sequence[Take]) -> list[tuple[str, Errors]]:
    """Errors of every model on every take, by name; of the first one unprojected too."""
    name, first = next(iter(models.items()))
    if first.manifold.neighbours:
        models = {**models, f"{name}, no projection": unprojected(first)}
    scored = []
    for take in takes:
        true = moving(take)
        scored.append((STILL, errors(resting(first, len(true.times)), true, first.person)))
        for row, method in models.items():
            scored.append((row, errors(spoken(method, take), true, method.person)))
    return scored


def unprojected(method: LiveSpeechPortraits) -> LiveSpeechPortraits:
    """The same, representations as they are heard."""
    bare = copy.copy(method)
    bare._modules = {**method._modules, "manifold": copy.copy(method.manifold)}
    bare.manifold.neighbours = 0
    return bare


@torch.no_grad()
def look(models: Models, takes: Sequence[Take], count: int) -> list[tuple[str, Looks]]:
    """Errors of pictures that are held back, spread evenly, and of a candidate in their place."""
    places = [(take, number) for take in takes for number in range(len(take.times))]
    chosen = [places[number] for number in _even(len(places), count)]
    scored = []
    for name, method in models.items():
        for take, number in chosen:
            given = portrait(method, take, number)
            made = method.draw(None, Given(given.maps)).colour
            scored.append((name, _looks(made, given.images)))
            if len(method.person.candidates):
                still = method.person.candidates[:1] / 255
                scored.append((f"{name}, first candidate", _looks(still, given.images)))
    return scored


def table(scored: Sequence[tuple[str, Errors | Looks]]) -> str:
    """Means over what was scored as Markdown, in brackets their 95 % intervals."""
    names = scored[0][1]._fields
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in dict.fromkeys(name for name, _ in scored):
        columns = np.array([values for name, values in scored if name == row]).T
        lines.append(f"| {row} | {' | '.join(map(_cell, columns))} |")
    return "\n".join(lines) + "\n"


def models_of(words: Sequence[str]) -> dict[str, LiveSpeechPortraits]:
    """Models by their names, from `NAME=FILE`, a model file or a checkpoint."""
    models = {}
    for word in words:
        name, equals, file = word.partition("=")
        method = loaded(file if equals else word)
        if not isinstance(method, LiveSpeechPortraits):
            raise InputError(f"{word} is a model of another method")
        models[name if equals else Path(word).stem] = method.eval().requires_grad_(False)
    return models


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser("tables", description="errors of motion and of pictures")
    parser.add_argument("models", nargs="+", metavar="NAME=FILE", help="of one person")
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="dense points, as for fit")
    parser.add_argument("--cache", type=Path, default=Path(".cache/takes"), metavar="DIR")
    parser.add_argument("--held", type=float, default=0.2, metavar="SHARE", help="as in training")
    parser.add_argument("--takes", type=int, default=50, metavar="N", help="at most (default: 50)")
    parser.add_argument("--pictures", type=int, default=0, metavar="N", help="that are drawn")
    parser.add_argument("--output", type=Path, metavar="FILE.md")
    options = parser.parse_args(arguments)
    try:
        models = models_of(options.models)
        size = next(iter(models.values())).size
        takes = takes_of_person(options.videos, options.labels, options.cache, size)
        _, held = split(takes, options.held)
        held = [held[number] for number in _even(len(held), options.takes)]
        made = table(score(models, held))
        if options.pictures:
            made += "\n" + table(look(models, held, options.pictures))
        if options.output is not None:
            write_whole(options.output, made)
    except InputError as error:
        print(f"tables: {error}", file=sys.stderr)
        return 2
    print(made, end="")
    return 0


def _even(there: int, count: int) -> list[int]:
    """So many of as many places, spread evenly; all of them where there are no more."""
    places: list[int] = np.linspace(0, there - 1, min(there, count)).round().astype(int).tolist()
    return places


def _width(face: Float[Tensor, "T P C"], points: Sequence[int]) -> float:
    mean = face.mean(0)[list(points), 0]
    return float(mean.max() - mean.min())


def _length(vectors: Float[Tensor, "*_ C"]) -> float:
    return float(vectors.norm(dim=-1).mean())


def _opened(face: Float[Tensor, "T P 3"]) -> Float[Tensor, "T"]:
    upper, lower = _OPENING
    return (face[:, lower] - face[:, upper]).norm(dim=1)


def _together(one: Float[Tensor, "T"], other: Float[Tensor, "T"]) -> float:
    if min(float(one.std()), float(other.std())) < 1e-6:
        return float("nan")
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])


def _looks(made: Float[Tensor, "1 3 H W"], true: Float[Tensor, "1 3 H W"]) -> Looks:
    off = 255 * (made - true).abs().mean()
    return Looks(float(off), float(psnr(made, true).mean()), float(ssim(made, true).mean()))


def _cell(values: Float[np.ndarray, "n"]) -> str:
    if np.isnan(values).all():
        return "-"
    ends = interval(values[~np.isnan(values)])
    mean = f"{np.nanmean(values):.3f}"
    return mean + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")


if __name__ == "__main__":
    sys.exit(main())
