"""Mouths as they are drawn, against the truth: PSNR and SSIM as in the paper's Tables 5 and 6.

    python -m avfuse.methods.everybodys_talkin.pictures talkin.safetensors --clips videos

Every clip is dubbed with its own words, so that the truth is the clip itself: from the expression
that its landmarks have, and from its sound; with and without the deflicker of eq. 7.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.clip import ClipFile
from avfuse.data.pairs import View
from avfuse.errors import InputError
from avfuse.geometry.affine import sample, transform
from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.layers.warp import blend
from avfuse.methods.everybodys_talkin.deflicker import deflickered
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.methods.everybodys_talkin.tables import add_clips, cell, held_clips, models_of
from avfuse.metrics.psnr import psnr
from avfuse.metrics.ssim import ssim
from avfuse.sound.mel import mel_windows
from avfuse.training.losses import mouth_patch
from avfuse.types import Planes, Seen

COPY, PASTED = "copy first frame", "first frame's mouth"
"""Rows without a model: the picture stays, or what lies under the mask does."""

TRUE, HEARD = "true expression", "sound"
"""What a mouth is drawn from."""

DEFLICKERED = ", deflickered"
"""What follows the names of rows that eq. 7 went over."""

SECONDS = 3.0
"""Of each clip, its beginning."""

_MOUTH = 64  # pixels a side

Pictures = Float[Tensor, "T 3 H W"]
Rows = dict[str, Pictures]


class Likeness(NamedTuple):
    """How near pictures are to the truth: means over a clip's frames.

    Attributes:
        psnr: dB, of the whole crop.
        ssim: likewise.
        mouth_psnr: dB, of a square of 1.7 mouth widths around the mouth.
        mouth_ssim: likewise.
        flicker: mean change from frame to frame within that square beside the truth's; 1 is alike.
    """

    psnr: float
    ssim: float
    mouth_psnr: float
    mouth_ssim: float
    flicker: float


class Shown(NamedTuple):
    """A clip's frames.

    Attributes:
        seen: crops and landmarks.
        heard: mel windows.
    """

    seen: Seen
    heard: Float[Tensor, "T M S"]


def pictures(seen: Seen) -> Pictures:
    """Crops, RGB in [0, 1]."""
    return seen.images.permute(0, 3, 1, 2).float() / 255


def shown(clip: ClipFile, method: EverybodysTalkin, seconds: float = SECONDS) -> Shown:
    """The beginning of a clip as the method sees and hears it, frames without a face left out."""
    numbers = clip.valid[clip.times[clip.valid].numpy() < seconds]
    points = clip.landmarks[numbers]
    view = View(method.size)
    crops, grid = [view.matrix(p) for p in points], view.grid()
    images = [sample(clip.frame(int(n)), m, grid) for n, m in zip(numbers, crops, strict=True)]
    places = [transform(p, m) for p, m in zip(points, crops, strict=True)]
    seen = Seen(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(places)).float())
    return Shown(seen, mel_windows(clip.mel, clip.times[numbers], method.hears))


@torch.no_grad()
def drawn(method: EverybodysTalkin, values: Float[Tensor, "T D"], seen: Seen) -> Rows:
    """Frames as they are pasted, without and with the deflicker.

    Args:
        method: that draws.
        values: what their sound is turned to, or would be.
        seen: the footage.
    """
    given, _ = method.guided(values, seen, None)
    colour, mask = method.draw(None, given).colour, given.mask
    planes = Planes(colour.permute(0, 2, 3, 1) * 255, mask[:, 0])
    calm, _ = deflickered(planes, None, 1.0)
    footage = pictures(seen)
    return {
        "": blend(footage, mask, colour),
        DEFLICKERED: blend(footage, mask, calm.colour.permute(0, 3, 1, 2) / 255),
    }


@torch.no_grad()
def rows(method: EverybodysTalkin, given: Shown) -> Rows:
    """All that a clip is turned to, by the name of the row."""
    seen, footage = given.seen, pictures(given.seen)
    assert seen.landmarks is not None
    first = footage[:1].expand_as(footage)
    mask = mouth_mask(seen.landmarks, method.size, method.size)
    made = {COPY: first, PASTED: blend(footage, mask, first)}
    fit = method.face.fit(seen.landmarks, method.face.identify(seen.landmarks[:1]))
    truth = method.regressed.truth(seen.landmarks, fit)
    for name, values in ((TRUE, truth), (HEARD, method.listen(method.sound(given.heard)))):
        made |= {name + how: frames for how, frames in drawn(method, values, seen).items()}
    return made


def likeness(made: Pictures, truth: Pictures, landmarks: Float[Tensor, "T 68 2"]) -> Likeness:
    """Hold pictures against the truth.

    Args:
        made: frames in a row.
        truth: as many.
        landmarks: of the truth, in pixels.
    """
    mouths = [mouth_patch(frames, landmarks, _MOUTH) for frames in (made, truth)]
    changes = [mouth.diff(dim=0).abs().mean().item() for mouth in mouths]
    return Likeness(
        psnr=psnr(made, truth).mean().item(),
        ssim=ssim(made, truth).mean().item(),
        mouth_psnr=psnr(mouths[0], mouths[1]).mean().item(),
        mouth_ssim=ssim(mouths[0], mouths[1]).mean().item(),
        flicker=changes[0] / max(changes[1], 1e-6),
    )


def score(
    models: Sequence[EverybodysTalkin], clips: Sequence[ClipFile]
) -> dict[str, list[Likeness]]:
    """Likeness of every clip, by the name of the row; of models, the mean."""
    scored: dict[str, list[Likeness]] = {}
    for clip in clips:
        each = [_scored(method, shown(clip, method)) for method in models]
        for name in each[0]:
            values = np.mean([one[name] for one in each], 0).tolist()
            scored.setdefault(name, []).append(Likeness(*values))
    return scored


def _scored(method: EverybodysTalkin, given: Shown) -> dict[str, Likeness]:
    truth, points = pictures(given.seen), given.seen.landmarks
    assert points is not None
    return {name: likeness(made, truth, points) for name, made in rows(method, given).items()}


def table(groups: Mapping[str, Mapping[str, Sequence[Likeness]]]) -> str:
    """Means over clips as Markdown, in brackets their 95 % intervals."""
    titles = ("clips", "drawn from", "PSNR dB", "SSIM", "mouth PSNR dB", "mouth SSIM", "flicker")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for group, scored in groups.items():
        for name, values in scored.items():
            lines.append(f"| {group} | {name} | {' | '.join(map(cell, np.array(values).T))} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Score and print."""
    parser = argparse.ArgumentParser("pictures", description="PSNR and SSIM of mouths (Table 6)")
    parser.add_argument(
        "models", nargs="+", metavar="NAME=FILE", help="models of Everybody's Talkin', alike"
    )
    add_clips(parser)
    parser.add_argument("--most", type=int, default=8, metavar="N", help="clips of a group")
    options = parser.parse_args(arguments)
    try:
        named = models_of(options.models)
        models = [method for seeds in named.values() for method in seeds]
        groups = {
            f"{name} ({len(clips)})": score(models, clips)
            for name, clips in held_clips(options, options.most).items()
        }
    except InputError as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 2
    print(table(groups), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
