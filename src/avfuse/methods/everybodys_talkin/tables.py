"""What sound says of the mouth, against the truth: eq. 5 as in the paper's Tables 1 and 2.

    python -m avfuse.methods.everybodys_talkin.tables ours=a.safetensors ours=b.safetensors \
        2D=c.safetensors --clips videos --unseen ann --voices speech

Models of one name are one row: they differ by their seeds. No picture is drawn; each clip's truth
is the 3-D face that was fitted to its landmarks, as in training.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.data.preprocess import cached_clips
from avfuse.data.split import split_clips
from avfuse.errors import InputError
from avfuse.experts.speech.recordings import find_recordings
from avfuse.files.whole import write_whole
from avfuse.methods.everybodys_talkin.clips import FittedClip
from avfuse.methods.everybodys_talkin.expression import Expressions
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW
from avfuse.methods.everybodys_talkin.losses import correlation
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.metrics.expression import e_exp, e_ldmk
from avfuse.metrics.interval import interval
from avfuse.model_file import load
from avfuse.sound.mel import SILENCE, mel_spectrogram, mel_windows
from avfuse.video.audio import read_audio

COPY, BLIND = "copy first frame", "mean expression"
"""Rows that hear nothing: what the clip began with, and what is likeliest without sound."""

_VOICES = 40  # of other people, at most
_OPENING = (62, 66)  # inner lips, above and below

Models = Mapping[str, Sequence[EverybodysTalkin]]
Scored = list[tuple[str, "Errors"]]


class Errors(NamedTuple):
    """How far a clip's mouths are off.

    Attributes:
        expression: E_exp; NaN where no expression is regressed.
        landmarks: E_ldmk over mouth and jaw, in pixels of the crop.
        aperture: correlation of the lips' opening with the truth's.
    """

    expression: float
    landmarks: float
    aperture: float


def errors(method: EverybodysTalkin, fitted: FittedClip, values: Float[Tensor, "T D"]) -> Errors:
    """Hold what sound is turned to against a clip.

    Args:
        method: by which values mean something.
        fitted: the clip.
        values: of its frames, as of `method.regressed`.
    """
    identity, expression, camera = fitted.fit
    spoken = method.regressed.points(values, fitted.landmarks, identity, camera)
    true = method.face.project(identity, expression, camera)
    both = (points[:, MOUTH_AND_JAW] for points in (spoken, true))
    regressed = isinstance(method.regressed, Expressions)
    off = e_exp(values, expression).mean().item() if regressed else float("nan")
    upper, lower = _OPENING
    opened = ((p[:, lower] - p[:, upper]).norm(dim=1) / camera.scale for p in (spoken, true))
    return Errors(off, e_ldmk(*both).mean().item(), correlation(*opened).item())


@torch.no_grad()
def score(models: Models, clips: Sequence[ClipFile], voices: Sequence[Tensor] = ()) -> Scored:
    """Errors of every model on every clip, by the name of the row.

    Args:
        models: by name; one of them regresses expressions.
        clips: of a group, at least two.
        voices: mels of others; clips are heard in their colours too, one after the other.
    """
    first = _of_expressions(models)
    fitted = [FittedClip(clip, first.face, first.size) for clip in clips]
    scored = []
    for number, (before, clip) in enumerate(pairwise([fitted[-1], *fitted])):
        for name, still in ((COPY, clip.fit.expression[0]), (BLIND, first.regressed.mean)):
            scored.append((name, errors(first, clip, still.expand(len(clip.landmarks), -1))))
        sounds = {"": clip.clip.mel, ", other sound": before.clip.mel}
        if voices:
            voice = voices[number % len(voices)]
            sounds[", another's voice"] = coloured(clip.clip.mel, voice)
        scored += _heard(models, clip, sounds)
    return scored


def coloured(mel: Float[Tensor, "M S"], voice: Float[Tensor, "M V"]) -> Float[Tensor, "M S"]:
    """Speech through the filter that gives it another's long-term spectrum, its loudness kept.

    What is said, and when, stays the speaker's, and so do lips that are known.

    Args:
        mel: the speech.
        voice: speech of somebody else.
    """
    change = _spectrum(voice) - _spectrum(mel)
    there = mel > SILENCE
    return torch.where(there, mel + (change - change.mean())[:, None], mel).clamp(-4, 4)


def _spectrum(mel: Float[Tensor, "M S"]) -> Float[Tensor, "M"]:
    """The mean of each band over the louder half of the steps."""
    loud = mel.mean(0)
    return mel[:, loud >= loud.median()].mean(1)


def _heard(
    models: Models, clip: FittedClip, sounds: Mapping[str, Tensor]
) -> Iterator[tuple[str, Errors]]:
    """Of every name and sound, the mean over its models."""
    for name, seeds in models.items():
        for what, mel in sounds.items():
            each = [errors(method, clip, _said(method, clip, mel)) for method in seeds]
            yield name + what, Errors(*np.mean(each, 0).tolist())


def _said(method: EverybodysTalkin, clip: FittedClip, mel: Tensor) -> Tensor:
    times = clip.clip.times[clip.clip.valid]
    return method.listen(method.sound(mel_windows(mel, times, method.hears)))


def _of_expressions(models: Models) -> EverybodysTalkin:
    every = (method for seeds in models.values() for method in seeds)
    for method in every:
        if isinstance(method.regressed, Expressions):
            return method
    raise InputError("no model regresses expressions; give one that does, for the truth's sake")


def table(groups: Mapping[str, Scored]) -> str:
    """Means over clips as Markdown, in brackets their 95 % intervals."""
    lines = ["| clips | sound to | E_exp | E_ldmk px | aperture r |", "|---|---|---|---|---|"]
    for group, scored in groups.items():
        for name in dict.fromkeys(name for name, _ in scored):
            columns = np.array([e for n, e in scored if n == name]).T
            lines.append(f"| {group} | {name} | {' | '.join(map(cell, columns))} |")
    return "\n".join(lines) + "\n"


def cell(values: Float[np.ndarray, "n"]) -> str:
    """A mean, in brackets its 95 % interval; a dash where there is nothing."""
    if np.isnan(values).all():
        return "-"
    ends = interval(values)
    return f"{values.mean():.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")


def models_of(words: Sequence[str]) -> dict[str, list[EverybodysTalkin]]:
    """Models by their names, from `NAME=FILE`."""
    models: dict[str, list[EverybodysTalkin]] = {}
    for word in words:
        name, equals, file = word.partition("=")
        method = load(file if equals else word)
        if not isinstance(method, EverybodysTalkin):
            raise InputError(f"{word} is a model of another method")
        models.setdefault(name if equals else Path(word).stem, []).append(method)
    return models


def _voices(folder: Path, corpus: str | None) -> list[Tensor]:
    """Mels of a recording of each speaker."""
    first = {r.speaker: r.path for r in reversed(find_recordings(folder))
             if corpus in (None, r.corpus)}  # fmt: skip
    if not first:
        raise InputError(f"{folder}: no recording of {corpus}; see its index.tsv")
    return [mel_spectrogram(read_audio(path)) for path in [*first.values()][:_VOICES]]


def add_clips(parser: argparse.ArgumentParser) -> None:
    """The options that say what is held back, as for `avfuse fit`."""
    parser.add_argument("--clips", type=Path, required=True, metavar="DIR")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="landmarks, as for avfuse fit")
    parser.add_argument("--cache", type=Path, default=Path(".cache/clips"), metavar="DIR")
    parser.add_argument("--unseen", nargs="*", default=[], metavar="SPEAKER")
    parser.add_argument("--held-back", type=int, default=10, metavar="N")


def held_clips(options: argparse.Namespace, most: int | None = None) -> dict[str, list[ClipFile]]:
    """Clips that are held back, by group, seen and unseen.

    Args:
        options: those of `add_clips`.
        most: clips a group, spread evenly; None for all.
    """
    found = cached_clips(options.clips, options.labels, options.cache)
    parts = split_clips(found, set(options.unseen), options.held_back)
    held = {name: clips for name, clips in parts.items() if name != "train" and clips}
    return {n: clips[:: -(-len(clips) // (most or len(clips)))] for n, clips in held.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser("tables", description="E_exp and E_ldmk (eq. 5) of models")
    parser.add_argument(
        "models", nargs="+", metavar="NAME=FILE", help="models of Everybody's Talkin'"
    )
    add_clips(parser)
    parser.add_argument("--voices", type=Path, metavar="DIR", help="others' speech: index.tsv")
    parser.add_argument("--corpus", metavar="NAME", help="of the voices; all unless given")
    parser.add_argument("--output", type=Path, metavar="FILE.md")
    options = parser.parse_args(arguments)
    try:
        models = models_of(options.models)
        voices = [] if options.voices is None else _voices(options.voices, options.corpus)
        groups = {
            f"{name} ({len(clips)})": score(models, clips, voices)
            for name, clips in held_clips(options).items()
        }
        made = table(groups)
        if options.output is not None:
            write_whole(options.output, made)
    except InputError as error:
        print(f"tables: {error}", file=sys.stderr)
        return 2
    print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
