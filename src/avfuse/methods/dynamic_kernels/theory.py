"""Section V of the paper on real networks: Lemma 1 and Theorem 1, both sides of each measured.

The theorem is on convolutions without biases, between activations that keep 0. The middle layers of
[`DynamicKernel`][avfuse.DynamicKernel] have generated biases and batch norms. In evaluation mode
both are affine, and a channel of ones absorbs them: leaky ReLU keeps 1 too, so with x = (y_0, 1)

    (y_i, 1) = g_i([[s·k_i, s·(b_i - mean) + shift], [0, 1]] * (y_{i-1}, 1)),  s = scale / deviation

is eq. 9 to the letter, and every norm below is of these kernels. y_0 is the bottleneck, y_n what
the decoder is handed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.data.synthetic import synthetic_clip
from avfuse.errors import InputError
from avfuse.fusion.dynamic_kernel import DynamicKernel
from avfuse.geometry.box import box_from_landmarks, crop
from avfuse.layers.dynamic_conv import dynamic_conv2d
from avfuse.methods.dynamic_kernels.generator import Generator, dynamic
from avfuse.methods.dynamic_kernels.viz import bounds_plot, segments
from avfuse.model_file import load
from avfuse.types import Condition
from avfuse.video.picture import write_picture

_CHUNK = 16  # pairs at a time: the kernels of one take 8 MB at 256 channels
_FACE = 11  # the procedural face of the command


class Bounds(NamedTuple):
    """Both sides of Lemma 1 and Theorem 1 for N pairs of sounds, in one L_p norm.

    Attributes:
        difference: left side of eq. 10, ‖y_n¹ - y_n²‖_p.
        theorem: right side of eq. 10, M_p^(n-1)·‖x‖_p·Σ‖k_i¹ - k_i²‖_p.
        product: the same before M_p takes the place of every kernel's own norm, the line above
            it in Proof 2: ‖x‖_p·Σ_i ‖k_i¹ - k_i²‖_p·Π_{l<i} ‖k_l²‖_p·Π_{l>i} ‖k_l¹‖_p.
        measured: the third line of Proof 2, its recursion, with operator norms of the kernels and
            the norms that y_{i-1}² really have.
        largest: M_p of the pair, the largest norm of its 2n kernels.
        apart: Σ‖k_i¹ - k_i²‖_p.
        size: ‖x‖_p.
        lemma: ‖g(a¹) - g(a²)‖_p / ‖a¹ - a²‖_p for what each of the n activations is given (eq. 8);
            0 where it is given the same twice.
    """

    difference: Float[Tensor, "N"]
    theorem: Float[Tensor, "N"]
    product: Float[Tensor, "N"]
    measured: Float[Tensor, "N"]
    largest: Float[Tensor, "N"]
    apart: Float[Tensor, "N"]
    size: Float[Tensor, "N"]
    lemma: Float[Tensor, "N n"]


def compare(
    generator: Generator,
    image: Float[Tensor, "3 H W"],
    one: Float[Tensor, "N 80 S"],
    other: Float[Tensor, "N 80 S"],
    p: int = 2,
) -> Bounds:
    """Measure Theorem 1 for one face and pairs of audio segments.

    As printed it holds for p = 1 and any kernel size, and for p = 2 and the paper's kernels, 1 x 1.
    For p = 2 and kernels of t taps, ‖k * y‖ ≤ ‖k‖·‖y‖ ("the Cauchy inequality" of Proof 2) does not
    hold; it does with a factor of sqrt(t), which every norm of a kernel here includes.

    Args:
        generator: in evaluation mode, with dynamic kernels.
        image: the face, in [0, 1].
        one: mel windows, the first of each pair.
        other: the second.
        p: 1 or 2.

    Raises:
        InputError: if the generator's strategy is not `DynamicKernel`.
        ValueError: in training mode, where batch norm is no fixed map, or for another p.
    """
    fusion = generator.fusion
    if not isinstance(fusion, DynamicKernel):
        raise InputError(
            f"the model fuses by {type(fusion).__name__}; Theorem 1 is on DynamicKernel"
        )
    if fusion.training or p not in (1, 2):
        raise ValueError(f"training={fusion.training}, p={p}; expected eval mode and p = 1 or 2")
    bottleneck = generator.face(image.unsqueeze(0))[-1].expand(len(one), -1, -1, -1)
    kernels = [absorbed(fusion, generator.prepare(m.unsqueeze(0))[0]) for m in (one, other)]
    return bounds(kernels[0], kernels[1], activations(fusion), bottleneck, p)


def bounds(
    one: Sequence[Float[Tensor, "N O I kH kW"]],
    other: Sequence[Float[Tensor, "N O I kH kW"]],
    activations: Sequence[nn.Module],
    bottleneck: Float[Tensor, "N C H W"],
    p: int,
) -> Bounds:
    """Both sides for two networks that are given by their kernels, in float64.

    Args:
        one: k_i¹ of each layer as of [`absorbed`][avfuse.methods.dynamic_kernels.theory.absorbed].
        other: k_i².
        activations: g_i.
        bottleneck: y_0.
        p: 1 or 2.
    """
    given1, y1 = chain(one, activations, bottleneck)
    given2, y2 = chain(other, activations, bottleneck)
    size = lp_norm(y1[0], p)
    changes = [a - b for a, b in zip(one, other, strict=True)]
    norms = torch.stack([torch.stack([kernel_norm(k, p) for k in ks]) for ks in (one, other)])
    apart = torch.stack([kernel_norm(change, p) for change in changes])
    product = measured = torch.zeros_like(apart[0])
    before = size  # ‖x‖·Π_{l<i} ‖k_l²‖
    for i, change in enumerate(changes):
        product = norms[0, i] * product + apart[i] * before
        before = before * norms[1, i]
        new = _operator_norm(change, p) * lp_norm(y2[i], p)
        measured = _operator_norm(one[i], p) * measured + new
    largest = norms.amax((0, 1))
    given = [lp_norm(a - b, p) for a, b in zip(given1, given2, strict=True)]
    after = [lp_norm(a - b, p) for a, b in zip(y1[1:], y2[1:], strict=True)]
    return Bounds(
        difference=after[-1],
        theorem=largest ** (len(changes) - 1) * size * apart.sum(0),
        product=product,
        measured=measured,
        largest=largest,
        apart=apart.sum(0),
        size=size,
        lemma=torch.stack(after, 1) / torch.stack(given, 1).clamp_min(1e-300),
    )


def chain(
    kernels: Sequence[Tensor], activations: Sequence[nn.Module], bottleneck: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Eq. 9: what the activations g_1 to g_n are given, and y_0 to y_n, all beside ones."""
    y = torch.cat([bottleneck, torch.ones_like(bottleneck[:, :1])], 1).double()
    given, results = [], [y]
    for kernel, g in zip(kernels, activations, strict=True):
        given.append(dynamic_conv2d(y, kernel, padding=kernel.shape[-1] // 2))
        y = g(given[-1])
        results.append(y)
    return given, results


def activations(fusion: DynamicKernel) -> list[nn.Module]:
    """g_i of each middle layer, without the batch norm that eq. 1 counts to it."""
    return [cast("nn.Sequential", combine)[1] for combine in fusion.combine]


def absorbed(fusion: DynamicKernel, condition: Condition) -> list[Float[Tensor, "N O I kH kW"]]:
    """Every middle layer's kernels with bias and batch norm inside, in float64.

    Args:
        fusion: in evaluation mode.
        condition: prepared and folded.

    Returns:
        Of each layer, dynamic or not, (N, C + 1, C + 1, kH, kW); see above.
    """
    dynamic = dict(zip(fusion.dynamic, condition.kernels, strict=True))
    count = len(condition.audio)
    kernels = []
    for i, combine in enumerate(fusion.combine):
        norm = cast("nn.BatchNorm2d", cast("nn.Sequential", combine)[0])
        if (kernel := dynamic.get(str(i))) is not None:
            weight, bias = kernel
        else:
            conv = cast("nn.Conv2d", fusion.static[str(i)])
            weight, bias = conv.weight.expand(count, -1, -1, -1, -1), conv.bias
        kernels.append(_absorb(weight.double(), 0.0 if bias is None else bias.double(), norm))
    return kernels


def _absorb(weight: Tensor, bias: Tensor | float, norm: nn.BatchNorm2d) -> Tensor:
    mean, var = cast("Tensor", norm.running_mean), cast("Tensor", norm.running_var)
    scale = norm.weight.double() / (var.double() + norm.eps).sqrt()
    count, outputs, inputs, height, width = weight.shape
    kernel = weight.new_zeros(count, outputs + 1, inputs + 1, height, width)
    kernel[:, :-1, :-1] = weight * scale.view(-1, 1, 1, 1)
    middle = kernel[..., height // 2, width // 2]  # zero padding never meets this tap
    middle[:, :-1, -1] = scale * (bias - mean.double()) + norm.bias.double()
    middle[:, -1, -1] = 1
    return kernel


def lp_norm(x: Tensor, p: int) -> Float[Tensor, "N"]:
    """‖x‖_p of each of N."""
    return torch.linalg.vector_norm(x.double().flatten(1), p, 1)


def kernel_norm(kernel: Tensor, p: int) -> Float[Tensor, "N"]:
    """‖k‖_p, times what makes ‖k * y‖ ≤ ‖k‖·‖y‖ true of more than one tap."""
    return lp_norm(kernel, p) * (kernel.shape[-1] * kernel.shape[-2]) ** (1 - 1 / p)


def _operator_norm(kernel: Tensor, p: int) -> Float[Tensor, "N"]:
    """Of every tap the matrix norm, summed: the smallest factor of ‖y‖ where there is one tap."""
    return torch.linalg.matrix_norm(kernel.flatten(3).movedim(3, 1), p).sum(1)


def report(
    generator: Generator, sounds: Sequence[Path], count: int, p: int, seed: int = 0
) -> Bounds:
    """Compare over random pairs of audio segments and one procedural face.

    Args:
        generator: as of [`compare`][avfuse.methods.dynamic_kernels.theory.compare].
        sounds: as of [`drawn`][avfuse.methods.dynamic_kernels.theory.drawn].
        count: likewise.
        p: 1 or 2.
        seed: likewise.
    """
    with torch.inference_mode():
        chunks = drawn(generator, sounds, count, seed)
        parts = [compare(generator, image, one, other, p) for image, one, other in chunks]
    return Bounds(*map(torch.cat, zip(*parts, strict=True)))


def drawn(
    generator: Generator, sounds: Sequence[Path], count: int, seed: int
) -> Iterator[tuple[Float[Tensor, "3 H W"], Float[Tensor, "N 80 S"], Float[Tensor, "N 80 S"]]]:
    """Random pairs of audio segments and one procedural face, some pairs at a time.

    Args:
        generator: whose sizes they have.
        sounds: files with sound; a pair is any two segments of all of them.
        count: of pairs.
        seed: of the draw.

    Raises:
        InputError: for a file without sound, or no pairs.
    """
    if count < 1:
        raise InputError(f"{count} pairs; draw at least one")
    clip = synthetic_clip(_FACE, seconds=0.04, size=2 * generator.size)
    face = crop(clip.frames[0], box_from_landmarks(clip.landmarks[0]), generator.size)
    image = torch.from_numpy(face).permute(2, 0, 1) / 255
    heard = torch.cat([segments(path, generator.audio.steps) for path in sounds])
    draw = torch.randint(len(heard), (count, 2), generator=torch.Generator().manual_seed(seed))
    for chosen in torch.split(draw, _CHUNK):
        yield image, heard[chosen[:, 0]], heard[chosen[:, 1]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of medians, draw how tight the bounds are.

    Runs as `python -m avfuse.methods.dynamic_kernels.theory`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        "avfuse.methods.dynamic_kernels.theory", description="Measure Theorem 1 on a model."
    )
    parser.add_argument("model", help="a bundled model's name, or a model file")
    parser.add_argument("sounds", nargs="+", type=Path, help="files with sound")
    parser.add_argument("--pairs", type=int, default=128, help="of audio segments (%(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw them, for p = 2")
    options = parser.parse_args(arguments)
    try:
        generator = dynamic(load(options.model))
        measured = {p: report(generator, options.sounds, options.pairs, p) for p in (1, 2)}
        if options.plot is not None:
            write_picture(options.plot, bounds_plot(*measured[2][:4]))
    except InputError as error:
        print(f"avfuse: {error}", file=sys.stderr)
        return 2
    print(table(measured))
    return 0


def table(measured: dict[int, Bounds]) -> str:
    """One row a p, in Markdown: medians over the pairs, but of M_p and of both ratios the largest.

    `closest` is the ratio of both sides of eq. 10.
    """
    lines = [["p", *Bounds._fields, "closest"], ["---"] * (len(Bounds._fields) + 2)]
    for p, found in measured.items():
        values = {name: value.median() for name, value in found._asdict().items()}
        values |= {"largest": found.largest.max(), "lemma": found.lemma.max()}
        values["closest"] = (found.difference / found.theorem).nan_to_num().max()  # 0/0: one sound
        lines.append([str(p), *(f"{value.item():.3g}" for value in values.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
