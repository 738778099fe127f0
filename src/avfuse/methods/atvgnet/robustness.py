"""How ATVGnet bears noise on its landmarks, and turned heads: the paper's Fig. 8, in numbers.

The first frame of a clip and its sound, or its landmarks, make a clip, which is compared with the
frames that followed, laid onto the first one by eyes and nose: the head of a picture keeps still.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.clip import Clip, ClipFile, save_clip
from avfuse.data.pairs import View
from avfuse.data.preprocess import cached_clips
from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.faces.crops import read_landmarks
from avfuse.geometry.affine import compose, sample, similarity, transform
from avfuse.geometry.pose import fit_pose
from avfuse.method import name_of
from avfuse.methods.atvgnet.generator import ATVGnet
from avfuse.metrics.lmd import SIDE, lmd
from avfuse.metrics.psnr import psnr
from avfuse.metrics.ssim import ssim
from avfuse.model_file import load
from avfuse.runtime.device import device_named
from avfuse.sound.mel import mel_spectrogram, mel_windows

SIGMAS = (0.5, 1.0, 2.0, 4.0)
"""Standard deviations of the noise, in pixels of a crop of 128."""

YAWS = (-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0)
"""Degrees by which heads are turned, to the picture's right."""

_FIRST = 900_001  # procedural faces that no training with a seed of 0 sees


class Example(NamedTuple):
    """A picture that is to speak, and what it was seen to do.

    Attributes:
        image: the first frame's crop, RGB in [0, 1].
        still: its landmarks, in pixels of the crop.
        heard: the windows of the frames that followed.
        truth: these frames, laid onto the first one.
        landmarks: theirs, likewise.
        read: the same as the built-in network reads them.
        yaw: of the first frame, in degrees.
    """

    image: Float[Tensor, "1 3 s s"]
    still: Float[Tensor, "1 68 2"]
    heard: Float[Tensor, "1 T 80 S"]
    truth: Float[Tensor, "T 3 s s"]
    landmarks: Float[Tensor, "1 T 68 2"]
    read: Float[Tensor, "T 68 2"]
    yaw: float


class Scores(NamedTuple):
    """Means over the frames of a clip, or over clips.

    Attributes:
        psnr: dB.
        ssim: at most 1.
        lmd: distance of the lips' landmarks, pixels of a crop of 128.
    """

    psnr: float
    ssim: float
    lmd: float


def example(clip: ClipFile, model: ATVGnet) -> Example:
    """Make one of a clip.

    Raises:
        InputError: fewer than two of its frames have landmarks.
    """
    if len(clip.valid) < 2:
        raise InputError(
            f"{clip.path}: {len(clip.valid)} frames with landmarks; at least two are needed"
        )
    first, *others = map(int, clip.valid)
    view = View(model.size)
    onto = view.matrix(clip.landmarks[first])
    maps = [compose(onto, similarity(clip.rigid[i], clip.rigid[first])) for i in others]
    both = list(zip([first, *others], [onto, *maps], strict=True))
    frames = np.stack([sample(clip.frame(i), matrix, view.grid()) for i, matrix in both])
    points = np.stack([transform(clip.landmarks[i], matrix) for i, matrix in both])
    images = torch.from_numpy(frames).to(model.device).permute(0, 3, 1, 2) / 255
    landmarks = torch.from_numpy(points).to(images)
    heard = mel_windows(clip.mel, clip.times[others], model.hears).to(images)
    yaw, read = fit_pose(clip.landmarks[first]).yaw, read_landmarks(images[1:])
    return Example(
        images[:1], landmarks[:1], heard[None], images[1:], landmarks[None, 1:], read, yaw
    )


@torch.inference_mode()
def under_noise(
    model: ATVGnet, examples: Sequence[Example], sigmas: Sequence[float] = SIGMAS
) -> dict[str, Scores]:
    """Fig. 8 (a): scores by what drives the picture.

    Args:
        model: in evaluation mode.
        examples: to be averaged over.
        sigmas: standard deviations of the Gaussian noise that is added to every point of AT-net's
            landmarks, in pixels of a crop of 128. It is the same noise, larger or smaller.

    Returns:
        Rows: the picture as it is; true landmarks, as the paper's Table 3 has it; AT-net's; and
        those with noise.
    """
    heard = [_from_sound(model, e) for e in examples]
    noise = [_noise(points) * (model.size / SIDE) for points in heard]
    rows = {
        "no motion": _mean(_compared(e.image.expand_as(e.truth), e) for e in examples),
        "true landmarks": _mean(_driven(model, e, e.landmarks) for e in examples),
        "AT-net's": _driven_all(model, examples, heard),
    }
    for sigma in sigmas:
        noisy = [points + sigma * more for points, more in zip(heard, noise, strict=True)]
        rows[f"AT-net's, σ {sigma:g} px"] = _driven_all(model, examples, noisy)
    return rows


@torch.inference_mode()
def by_yaw(
    model: ATVGnet, examples: Sequence[Example], yaws: Sequence[float] = YAWS
) -> dict[float, tuple[Scores, Scores]]:
    """Fig. 8 (b): scores by how far the head of the picture is turned.

    Args:
        model: in evaluation mode.
        examples: each counts for the angle that is nearest to its own.
        yaws: degrees to the picture's right.

    Returns:
        For each angle that there is an example of, the scores from sound, and those of no motion.
    """
    groups: dict[float, list[Example]] = {yaw: [] for yaw in sorted(yaws)}
    for one in examples:
        groups[min(groups, key=lambda yaw: abs(yaw - one.yaw))].append(one)
    return {
        yaw: (
            _mean(_driven(model, e, _from_sound(model, e)) for e in group),
            _mean(_compared(e.image.expand_as(e.truth), e) for e in group),
        )
        for yaw, group in groups.items()
        if group
    }


def procedural(
    model: ATVGnet, faces: int, seconds: float, yaws: Sequence[float | None]
) -> Iterator[Example]:
    """Procedural faces, each once for every angle at which its head is held; None lets it move."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(faces):
            for yaw in yaws:
                turn = None if yaw is None else float(np.radians(yaw))
                path = Path(folder) / f"{number}-{yaw}.safetensors"
                save_clip(_rendered(_FIRST + number, seconds, turn), path)
                made = example(ClipFile(path), model)
                yield made if yaw is None else made._replace(yaw=yaw)


def tables(noise: Mapping[str, Scores], yaw: Mapping[float, tuple[Scores, Scores]]) -> str:
    """Both as Markdown."""
    titles = "PSNR dB | SSIM | LMD px"
    lines = [f"| landmarks | {titles} |", "|---|---|---|---|"]
    lines += [f"| {name} | {_cells(scores)} |" for name, scores in noise.items()]
    lines += ["", f"| yaw ° | {titles} | PSNR over no motion dB |", "|---|---|---|---|---|"]
    for angle, (spoken, still) in yaw.items():
        lines.append(f"| {angle:g} | {_cells(spoken)} | {spoken.psnr - still.psnr:.2f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables of a model.

    Runs as `python -m avfuse.methods.atvgnet.robustness`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used.
    """
    options = _parser().parse_args(arguments)
    try:
        model = load(options.model, device_named("auto"))
        if not isinstance(model, ATVGnet):
            raise InputError(
                f"{options.model} is of {name_of(type(model))}; give a model of atvgnet"
            )
        moving, turned = _examples(model, options)
        noise = under_noise(model, moving, options.sigma)
        print(tables(noise, by_yaw(model, turned, options.yaw)))
    except InputError as error:
        print(f"avfuse: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "avfuse.methods.atvgnet.robustness",
        description="Score ATVGnet by the noise on its landmarks and by the yaw of its picture.",
    )
    parser.add_argument("model", help="a model file of ATVGnet")
    parser.add_argument(
        "--clips", type=Path, help="folder of videos with sound; procedural faces without it"
    )
    parser.add_argument("--labels", type=Path, help="folder of their landmarks, as for training")
    parser.add_argument("--cache", type=Path, default=Path(".cache/clips"), help="(%(default)s)")
    parser.add_argument("--faces", type=int, default=4, help="procedural ones (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each (%(default)s)")
    parser.add_argument(
        "--sigma", type=float, nargs="+", default=SIGMAS, help="pixels of a crop of 128"
    )
    parser.add_argument("--yaw", type=float, nargs="+", default=YAWS, help="degrees")
    return parser


def _examples(
    model: ATVGnet, options: argparse.Namespace
) -> tuple[Sequence[Example], Sequence[Example]]:
    """Those for either table."""
    if options.clips is not None:
        clips = cached_clips(options.clips, options.labels, options.cache)
        made = [example(ClipFile(clip.path), model) for clip in clips]
        return made, made
    if options.faces < 1 or options.seconds < 0.08:
        raise InputError(
            f"{options.faces} faces of {options.seconds:g} s; expected 1 or more of 0.08 s or more"
        )
    given = model, options.faces, options.seconds
    return list(procedural(*given, [None])), list(procedural(*given, options.yaw))


def _rendered(seed: int, seconds: float, yaw: float | None) -> Clip:
    clip = synthetic_clip(seed, seconds=seconds, yaw=yaw)
    pictures = torch.from_numpy(clip.frames), torch.from_numpy(clip.landmarks)
    mel = mel_spectrogram(torch.from_numpy(clip.waveform))
    return Clip(*pictures, torch.from_numpy(clip.times), mel)


def _from_sound(model: ATVGnet, e: Example) -> Float[Tensor, "1 T 68 2"]:
    return model.landmarks_of(model.predict(e.heard, e.still)[0], e.still)


def _noise(points: Float[Tensor, "1 T 68 2"]) -> Float[Tensor, "1 T 68 2"]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(points.shape, generator=generator).to(points)


def _driven(model: ATVGnet, e: Example, landmarks: Tensor) -> Scores:
    return _compared(model(e.image, e.still, landmarks).image[0], e)


def _driven_all(model: ATVGnet, examples: Sequence[Example], points: Sequence[Tensor]) -> Scores:
    return _mean(_driven(model, e, p) for e, p in zip(examples, points, strict=True))


def _compared(video: Float[Tensor, "T 3 s s"], e: Example) -> Scores:
    lips = lmd(read_landmarks(video), e.read, video.shape[-1]).nanmean()
    return Scores(
        *(float(x) for x in (psnr(video, e.truth).mean(), ssim(video, e.truth).mean(), lips))
    )


def _mean(scores: Iterator[Scores]) -> Scores:
    return Scores(*(float(np.mean(values)) for values in zip(*scores, strict=True)))


def _cells(scores: Scores) -> str:
    return f"{scores.psnr:.2f} | {scores.ssim:.3f} | {scores.lmd:.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
