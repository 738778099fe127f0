"""How far frames and heads are from what was filmed: the paper's Tables 1 and 2, and head motion.

    python -m avfuse.methods.rhythmic_head_motion.tables ours=rhythmic.safetensors --clips videos \
        --references 1 8 32 --people 200

Of every clip that training holds back the first frames are met; those that follow are drawn from
their own landmarks (Table 2) and from their sound, in their own poses (Table 1). Head motion is
judged by people whose rule is known, and by the same clips.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import make_clips, source_clips
from avfuse.data.split import split_clips
from avfuse.errors import InputError
from avfuse.faces.crops import read_landmarks
from avfuse.files.whole import write_whole
from avfuse.methods.rhythmic_head_motion.data import MARGIN
from avfuse.methods.rhythmic_head_motion.head import landmarks_of
from avfuse.methods.rhythmic_head_motion.head_motion import Models, Motion, motions, rhythmic
from avfuse.methods.rhythmic_head_motion.heads import Head, Passage
from avfuse.methods.rhythmic_head_motion.matcher import matched
from avfuse.methods.rhythmic_head_motion.mesh import projected
from avfuse.methods.rhythmic_head_motion.method import Person, RhythmicHeadMotion
from avfuse.metrics.fid import frechet_distance
from avfuse.metrics.interval import interval
from avfuse.metrics.lmd import lmd
from avfuse.metrics.psnr import psnr
from avfuse.metrics.ssim import ssim
from avfuse.model_file import adapted, loaded
from avfuse.training.perceptual import FaceFeatures
from avfuse.types import Seen

COPY, MESH = "copy first frame", "mesh alone"
"""Rows without a network: the first reference; and the projected face over the matched one."""

LANDMARKS, SOUND = "landmarks", "sound"
"""What frames are drawn from."""

_CHUNK = 8  # frames at a time

Pictures = Float[Tensor, "T 3 H W"]


class Looks(NamedTuple):
    """How near a clip's frames are to the truth: means over them.

    Attributes:
        psnr: dB.
        ssim: structural similarity.
        lmd: distance of the mouth's points, pixels of a picture of 128, read from both by the
            library's landmark network.
    """

    psnr: float
    ssim: float
    lmd: float


class Scored(NamedTuple):
    """A row's clip.

    Attributes:
        looks: its scores.
        made: features of its frames, for FID.
        true: of what was filmed.
    """

    looks: Looks
    made: Float[Tensor, "T D"]
    true: Float[Tensor, "T D"]


class Clip(NamedTuple):
    """A clip's two parts.

    Attributes:
        met: frames that the method meets, and their sound.
        after: those that follow.
    """

    met: Passage
    after: Passage

    @classmethod
    def of(cls, clip: ClipFile, history: int) -> "Clip":
        """The first τ frames, or a half where there are no more; and the rest."""
        whole, count = Head(clip).part(slice(None)), len(clip.valid)
        first = history if count > history else count // 2
        whole = whole.seen_from(first)
        return cls(whole.at(np.arange(first)), whole.at(np.arange(first, count)))


def met(method: RhythmicHeadMotion, clip: Clip) -> Person:
    """The person of a clip, as at use."""
    images = clip.met.images(method.size).permute(0, 2, 3, 1)
    return method.meet(Seen(images, clip.met.points(method.size)), clip.met.heard(method.hears))


@torch.no_grad()
def drawn(method: RhythmicHeadMotion, clip: Clip, person: Person, drive: str) -> Pictures:
    """The frames that follow, in their own poses."""
    _, expression, poses = clip.after.found
    points = clip.after.points(method.size)
    if drive == SOUND:
        heard = clip.after.heard(method.hears)
        expression = method.expression(heard, person.identity.expand(len(heard), -1))
        points = landmarks_of(person.identity, expression, poses, method.size)
    parts = zip(points.split(_CHUNK), poses.split(_CHUNK), strict=True)  # type: ignore[no-untyped-call]
    made = [method.generator(method.shown(*part, person)).image for part in parts]
    return torch.cat(made)


@torch.no_grad()
def pasted(person: Person, poses: Float[Tensor, "T 6"]) -> Pictures:
    """The mesh alone: the projected face over the matched reference."""
    face = projected(person.mesh, poses).images
    behind = person.images[matched(poses, person.poses[person.chosen])]
    return torch.where(face.amax(1, keepdim=True) > 0, face, behind)


def pictures(
    models: Models, clips: Sequence[Clip], counts: Sequence[int]
) -> Iterator[tuple[str, Scored]]:
    """Every row of every clip.

    Args:
        models: by their names.
        clips: that are held back.
        counts: K, each a row of each model.
    """
    seen = FaceFeatures()
    size = next(iter(models.values())).size
    kinds = {f"{name}, K = {k}": adapted(m, {"shots": k}) for name, m in models.items()
             for k in counts}  # fmt: skip
    for clip in clips:
        true = clip.after.images(size).float() / 255
        truth = _read(true), _pooled(seen, true)
        people = {name: met(method, clip) for name, method in kinds.items()}
        first = next(iter(people.values()))
        rows = {COPY: first.images[:1].expand_as(true)}
        rows[MESH] = pasted(first, clip.after.found.poses)
        for drive in (LANDMARKS, SOUND):
            rows |= {
                f"{name}, from {drive}": drawn(method, clip, people[name], drive)
                for name, method in kinds.items()
            }
        for name, made in rows.items():
            looks = _looks(made, true, truth[0])
            yield name, Scored(looks, _pooled(seen, made), truth[1])


def motion_table(scored: Sequence[tuple[str, Motion]]) -> str:
    """Means over passages as Markdown, in brackets their 95 % intervals."""
    return _table(scored, Motion._fields)


def picture_table(scored: Sequence[tuple[str, Scored]]) -> str:
    """Means over clips as Markdown, in brackets their 95 % intervals; FID over all frames."""
    names = dict.fromkeys(name for name, _ in scored)
    fids = {name: _fid([s for other, s in scored if other == name]) for name in names}
    looks = [(name, s.looks) for name, s in scored]
    return _table(looks, Looks._fields, {"fid": fids})


def models_of(words: Sequence[str]) -> dict[str, RhythmicHeadMotion]:
    """Models by their names, from `NAME=FILE`, a model file or a checkpoint.

    Raises:
        InputError: one is of another method.
    """
    models = {}
    for word in words:
        name, equals, file = word.partition("=")
        method = loaded(file if equals else word)
        if not isinstance(method, RhythmicHeadMotion):
            raise InputError(f"{word} is a model of another method")
        models[name if equals else Path(word).stem] = method.eval().requires_grad_(False)
    return models


def held(options: argparse.Namespace, history: int) -> list[Clip]:
    """Clips that are held back, of people trained on and of others.

    Raises:
        InputError: there is none of two frames or more.
    """
    found = source_clips(options.clips, options.labels, options.cache)
    parts = split_clips(make_clips([s.wide(MARGIN) for s in found]), set(options.unseen),
                        options.held_back)  # fmt: skip
    files = [*parts["seen"], *parts["unseen"]]
    every = -(-len(files) // options.most)
    clips = [Clip.of(clip, history) for clip in files[:: max(1, every)] if len(clip.valid) > 1]
    if not clips:
        raise InputError(f"{options.clips}: no clip is held back; give --unseen or --held-back")
    return clips


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser("tables", description="frames and heads against the truth")
    parser.add_argument("models", nargs="+", metavar="NAME=FILE", help="of Rhythmic Head Motion")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="none: motion alone")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="landmarks, as for avfuse fit")
    parser.add_argument("--cache", type=Path, default=Path(".cache/clips"), metavar="DIR")
    parser.add_argument("--unseen", nargs="*", default=[], metavar="SPEAKER")
    parser.add_argument("--held-back", type=int, default=10, metavar="N")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="clips (default: 20)")
    parser.add_argument("--references", type=int, nargs="+", default=[1, 8, 32], metavar="K")
    parser.add_argument("--people", type=int, default=100, metavar="N", help="of known motion")
    parser.add_argument("--output", type=Path, metavar="FILE.md")
    options = parser.parse_args(arguments)
    try:
        made = _tables(options)
        if options.output is not None:
            write_whole(options.output, made)
    except InputError as error:
        print(f"tables: {error}", file=sys.stderr)
        return 2
    print(made, end="")
    return 0


def _tables(options: argparse.Namespace) -> str:
    models = models_of(options.models)
    history = next(iter(models.values())).references
    made = motion_table([*motions(models, rhythmic(options.people, history))])
    if options.clips is None:
        return made
    clips = held(options, history)
    return f"{made}\n{picture_table([*pictures(models, clips, options.references)])}"


def _looks(made: Pictures, true: Pictures, points: Float[Tensor, "T 68 2"]) -> Looks:
    off = lmd(_read(made), points, true.shape[-1])
    return Looks(float(psnr(made, true).mean()), float(ssim(made, true).mean()), float(off.mean()))


@torch.no_grad()
def _read(images: Pictures) -> Float[Tensor, "T 68 2"]:
    return read_landmarks(images).float()


@torch.no_grad()
def _pooled(features: FaceFeatures, images: Pictures) -> Float[Tensor, "T D"]:
    return features.features(images)[-1].mean((2, 3))


def _fid(scored: Sequence[Scored]) -> float:
    made, true = (torch.cat([getattr(s, part) for s in scored]) for part in ("made", "true"))
    return float(frechet_distance(made, true)) if len(made) > 1 else float("nan")


def _table(
    scored: Sequence[tuple[str, Sequence[float]]],
    columns: Sequence[str],
    more: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    titles = [*columns, *(more or {})]
    lines = [f"| | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    for row in dict.fromkeys(name for name, _ in scored):
        values = np.array([numbers for name, numbers in scored if name == row]).T
        cells = [*map(_cell, values), *(f"{each[row]:.3g}" for each in (more or {}).values())]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: Float[np.ndarray, "n"]) -> str:
    ends = interval(values)
    return f"{values.mean():.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")


if __name__ == "__main__":
    sys.exit(main())
