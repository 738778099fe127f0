"""Heads that are turned far (Fig. 5, Table 1): how far landmarks are off, by pose.

    python -m avfuse.methods.everybodys_talkin.poses ours=a.safetensors 2D=b.safetensors

Procedural heads are held at each pose while they say one thing, and dubbed with another; where
their points would have been is known, for the same head in the same motion says that too.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.synthetic import SyntheticClip, synthetic_clip
from avfuse.errors import InputError
from avfuse.geometry.affine import transform
from avfuse.geometry.box import box_from_landmarks, frame_to_crop
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.methods.everybodys_talkin.tables import Models, models_of
from avfuse.metrics.expression import e_ldmk
from avfuse.metrics.interval import interval
from avfuse.sound.mel import mel_spectrogram, mel_windows


class Turn(NamedTuple):
    """How a head is held, in degrees.

    Attributes:
        yaw: to the picture's right.
        pitch: downwards.
    """

    yaw: float
    pitch: float


TURNS = (
    *(Turn(yaw, 0) for yaw in (-40, -20, 0, 20, 40)),
    *(Turn(0, pitch) for pitch in (-20, 20)),
)
"""The poses of the table."""

COPY, BEST = "lips as they were", "true expression"
"""Rows without a model: what the footage says; and what the 3-D face can do at best."""

_FIRST = 900_001  # procedural faces that no training with a seed of 0 sees


class Dub(NamedTuple):
    """A head that says one thing, and where its points would be, did it say another.

    Attributes:
        footage: landmarks, in pixels of each frame's crop.
        truth: likewise, in the same crops.
        mel: what it should say.
        times: of the frames, in seconds.
    """

    footage: Float[Tensor, "T 68 2"]
    truth: Float[Tensor, "T 68 2"]
    mel: Float[Tensor, "80 S"]
    times: Float[Tensor, "T"]


def dub(seed: int, turn: Turn, seconds: float, size: int) -> Dub:
    """Film a head twice.

    Args:
        seed: of the head.
        turn: how it is held.
        seconds: length.
        size: pixels a side of the crops.
    """
    yaw, pitch = np.radians(turn).tolist()
    footage, truth = (
        synthetic_clip(seed, speech_seed=words, seconds=seconds, size=64, yaw=yaw, pitch=pitch)
        for words in (seed + 1, seed)
    )
    crops = [frame_to_crop(box_from_landmarks(points), size) for points in footage.landmarks]
    mel = mel_spectrogram(torch.from_numpy(truth.waveform))
    seen, wanted = (_cropped(clip, crops) for clip in (footage, truth))
    return Dub(seen, wanted, mel, torch.from_numpy(truth.times))


def _cropped(
    clip: SyntheticClip, crops: Sequence[Float[np.ndarray, "2 3"]]
) -> Float[Tensor, "T 68 2"]:
    places = [transform(p, matrix) for p, matrix in zip(clip.landmarks, crops, strict=True)]
    return torch.from_numpy(np.stack(places)).float()


@torch.no_grad()
def errors(models: Models, given: Dub) -> dict[str, float]:
    """E_ldmk over mouth and jaw, in pixels of the crop, by the name of the row."""
    rows = {COPY: _apart(given.footage, given.truth)}
    for name, seeds in models.items():
        rows[name] = float(np.mean([_apart(_spoken(m, given), given.truth) for m in seeds]))
    face = next(iter(models.values()))[0].face
    identity = face.identify(given.footage[:1])
    said, camera = face.fit(given.truth, identity), face.fit(given.footage, identity).camera
    rows[BEST] = _apart(face.project(identity, said.expression, camera), given.truth)
    return rows


def _spoken(method: EverybodysTalkin, given: Dub) -> Float[Tensor, "T 68 2"]:
    """As `prepare` has it: identity from the first frame, pose from each."""
    values = method.listen(method.sound(mel_windows(given.mel, given.times, method.hears)))
    identity = method.face.identify(given.footage[:1])
    camera = method.face.fit(given.footage, identity).camera
    return method.regressed.points(values, given.footage, identity, camera)


def _apart(one: Float[Tensor, "T 68 2"], other: Float[Tensor, "T 68 2"]) -> float:
    return e_ldmk(one[:, MOUTH_AND_JAW], other[:, MOUTH_AND_JAW]).mean().item()


def table(scored: Mapping[Turn, Sequence[Mapping[str, float]]]) -> str:
    """Means over heads as Markdown, in brackets their 95 % intervals."""
    titles = " | ".join(f"{turn.yaw:g}°, {turn.pitch:g}°" for turn in scored)
    lines = [f"| yaw, pitch | {titles} |", "|---" * (len(scored) + 1) + "|"]
    for name in next(iter(scored.values()))[0]:
        cells = (_cell(np.array([head[name] for head in heads])) for heads in scored.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(values: Float[np.ndarray, "n"]) -> str:
    ends = interval(values)
    return f"{values.mean():.2f}" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser("poses", description="E_ldmk by the pose of the head")
    parser.add_argument("models", nargs="+", metavar="NAME=FILE", help="of Everybody's Talkin'")
    parser.add_argument("--heads", type=int, default=10, metavar="N")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="of each")
    options = parser.parse_args(arguments)
    try:
        models = models_of(options.models)
        size = next(iter(models.values()))[0].size
        heads = range(_FIRST, _FIRST + 2 * options.heads, 2)
        scored = {
            turn: [errors(models, dub(seed, turn, options.seconds, size)) for seed in heads]
            for turn in TURNS
        }
    except InputError as error:
        print(f"poses: {error}", file=sys.stderr)
        return 2
    print(table(scored), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
