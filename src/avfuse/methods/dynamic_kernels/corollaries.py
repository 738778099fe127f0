"""Section V-B of the paper on real networks: Corollaries 1 to 3, both sides of each measured.

Networks are chains of kernels with their biases and norms inside, beside a channel of ones, as in
[`theory`][avfuse.methods.dynamic_kernels.theory]: x = (y_0, 1) is the bottleneck, f¹ and f² are the
middle layers by two sounds. The constants, which the paper only says exist, are those that its
proofs make, from M_p, the largest norm of all kernels. Discriminator and perceptual network may be
any; the command draws some.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.fusion.dynamic_kernel import DynamicKernel
from avfuse.methods.dynamic_kernels.generator import Generator, dynamic
from avfuse.methods.dynamic_kernels.theory import (
    absorbed,
    activations,
    chain,
    drawn,
    kernel_norm,
    lp_norm,
)
from avfuse.model_file import load

Kernels = Sequence[Float[Tensor, "N _ _ _ _"]]
"""A fully convolutional network, one of each of N."""

_WIDTH = 32  # channels within the drawn networks
_STEP = 0.05  # how far apart their two states are, relative


class Sides(NamedTuple):
    """Both sides of an inequality, for N pairs of networks.

    Attributes:
        difference: the left one, of two losses.
        bound: the right one.
    """

    difference: Float[Tensor, "N"]
    bound: Float[Tensor, "N"]


class Corollaries(NamedTuple):
    """Both sides of each, for N pairs of sounds.

    Attributes:
        adversarial: Corollary 1.
        perceptual: Corollary 2.
        reconstruction: the same where f_P leaves everything as it is: L1 of eq. 3.
        cycle: Corollary 3.
    """

    adversarial: Sides
    perceptual: Sides
    reconstruction: Sides
    cycle: Sides


def adversarial(
    f: tuple[Kernels, Kernels],
    judge: tuple[Kernels, Kernels],
    gs: tuple[Sequence[nn.Module], Sequence[nn.Module]],
    x: Float[Tensor, "N C H W"],
) -> Sides:
    """Corollary 1: losses of eq. 4 differ by at most (A1·DK_2² + A2·DK_2)·‖x‖_2².

    Its proof takes a C_2 with ‖1 - D²(x)‖ ≤ C_2·‖x‖ for every x. There is none: at x = 0 the left
    is ‖1‖. Here it is M^r + ‖1‖/‖x‖, so the bound holds of each x, and the printed one, with one
    constant for all, of those whose norms do not come near 0; the channel of ones sees to that.

    Args:
        f: kernels of f¹ and f².
        judge: of D¹ and D².
        gs: activations of f and of D, which keep 0.
        x: input of both f and D, the ones not among its channels.
    """
    loss = [_adversarial_loss(*networks, gs, x) for networks in zip(f, judge, strict=True)]
    apart, most = _apart_and_most([*f[0], *judge[0]], [*f[1], *judge[1]], 2)
    n, r = len(f[0]), len(judge[0])
    size, ones = lp_norm(chain([], [], x)[1][0], 2), lp_norm(torch.ones_like(loss[0][1]), 2)
    slope1, slope2 = most ** (n + r - 1), most ** (r - 1)  # Δ_1 and Δ_2 by DK_2
    c1, c2 = most ** (n + r), most**r + ones / size
    a1, a2 = slope1**2 + slope2**2, 2 * (c1 * slope1 + c2 * slope2)
    bound = (a1 * apart**2 + a2 * apart) * size**2
    return Sides((loss[0][0] - loss[1][0]).abs(), bound)


def _adversarial_loss(
    f: Kernels, judge: Kernels, gs: tuple[Sequence[nn.Module], Sequence[nn.Module]], x: Tensor
) -> tuple[Float[Tensor, "N"], Tensor]:
    """‖D(f(x))‖² + ‖1 - D(x)‖², and D(x)."""
    made = chain([*f, *judge], [*gs[0], *gs[1]], x)[1][-1]
    real = chain(judge, gs[1], x)[1][-1]
    return lp_norm(made, 2) ** 2 + lp_norm(1 - real, 2) ** 2, real


def perceptual(
    f: tuple[Kernels, Kernels],
    eye: Kernels,
    gs: tuple[Sequence[nn.Module], Sequence[nn.Module]],
    x: Float[Tensor, "N C H W"],
    truth: Float[Tensor, "N C2 H W"],
) -> Sides:
    """Corollary 2: perceptual losses differ by at most C_pcpt·Σ‖k_i¹ - k_i²‖_1·‖x‖_1.

    Args:
        f: kernels of f¹ and f².
        eye: of f_P; none for the identity, which makes it the L1 of eq. 3.
        gs: activations of f and of f_P.
        x: input of f, the ones not among its channels.
        truth: y, in whatever f makes, its ones included.
    """
    wanted = _onwards(eye, gs[1], truth)
    loss = [
        lp_norm(_onwards(eye, gs[1], chain(kernels, gs[0], x)[1][-1]) - wanted, 1) for kernels in f
    ]
    apart, most = _apart_and_most(f[0], f[1], 1)
    through = torch.ones_like(apart)
    for kernel in eye:
        through = through * kernel_norm(kernel, 1)
    bound = through * most ** (len(f[0]) - 1) * apart * lp_norm(chain([], [], x)[1][0], 1)
    return Sides((loss[0] - loss[1]).abs(), bound)


def cycle(
    there: tuple[Kernels, Kernels],
    back: tuple[Kernels, Kernels],
    gs: Sequence[nn.Module],
    x: Float[Tensor, "N C H W"],
) -> Sides:
    """Corollary 3: there and back is a network of 2n layers (eq. 12).

    Args:
        there: kernels of f¹ and f² from X to Y.
        back: from Y to X.
        gs: activations of either.
        x: input, the ones not among its channels.
    """
    whole = [[*a, *b] for a, b in zip(there, back, strict=True)]
    given = chain([], [], x)[1][0]
    loss = [lp_norm(chain(kernels, [*gs, *gs], x)[1][-1] - given, 1) for kernels in whole]
    apart, most = _apart_and_most(whole[0], whole[1], 1)
    bound = most ** (len(whole[0]) - 1) * apart * lp_norm(given, 1)
    return Sides((loss[0] - loss[1]).abs(), bound)


def _onwards(kernels: Kernels, gs: Sequence[nn.Module], y: Tensor) -> Tensor:
    """A network on features that have their ones already."""
    return chain(kernels, gs, y[:, :-1])[1][-1] if kernels else y


def _apart_and_most(one: Kernels, other: Kernels, p: int) -> tuple[Tensor, Tensor]:
    """Σ‖k_i¹ - k_i²‖_p, and M_p."""
    apart = torch.stack([kernel_norm(a - b, p) for a, b in zip(one, other, strict=True)])
    norms = torch.stack([kernel_norm(kernel, p) for kernel in (*one, *other)])
    return apart.sum(0), norms.amax(0)


def compare(
    generator: Generator,
    image: Float[Tensor, "3 H W"],
    one: Float[Tensor, "N 80 S"],
    other: Float[Tensor, "N 80 S"],
    seed: int = 0,
) -> Corollaries:
    """Measure all of them for one face and pairs of audio segments.

    D¹, D² and f_P are drawn: two pointwise layers each, D² a little beside D¹. The truth y is f²'s
    result, as if that were the optimal network. Back from Y to X lead the sounds of the next pair.

    Args:
        generator: in evaluation mode, with dynamic kernels.
        image: the face, in [0, 1].
        one: mel windows, the first of each pair.
        other: the second.
        seed: of what is drawn.

    Raises:
        InputError: if the generator's strategy is not `DynamicKernel`.
    """
    fusion = generator.fusion
    if not isinstance(fusion, DynamicKernel):
        raise InputError(
            f"the model fuses by {type(fusion).__name__}; section V is on DynamicKernel"
        )
    x = generator.face(image.unsqueeze(0))[-1].expand(len(one), -1, -1, -1)
    first, second = (
        absorbed(fusion, generator.prepare(mel.unsqueeze(0))[0]) for mel in (one, other)
    )
    gs, leaky = activations(fusion), [nn.LeakyReLU(0.2)] * 2
    dice = torch.Generator().manual_seed(seed)
    judge = _network(x.shape[1] + 1, len(one), dice)
    beside = [k + _STEP * k.abs().mean() * torch.randn(k.shape[1:], generator=dice) for k in judge]
    eye = _network(x.shape[1] + 1, len(one), dice)
    truth = chain(second, gs, x)[1][-1]
    back = tuple([kernel.roll(1, 0) for kernel in kernels] for kernels in (first, second))
    f = (first, second)
    return Corollaries(
        adversarial(f, (judge, beside), (gs, leaky), x),
        perceptual(f, eye, (gs, leaky), x, truth),
        perceptual(f, [], (gs, []), x, truth),
        cycle(f, (back[0], back[1]), gs, x),
    )


def _network(channels: int, count: int, dice: torch.Generator) -> list[Tensor]:
    """Two pointwise layers down to one channel, the same for each of `count`."""
    shapes = [(_WIDTH, channels), (1, _WIDTH)]
    layers = [torch.randn(*s, generator=dice, dtype=torch.float64) / s[1] ** 0.5 for s in shapes]
    return [layer[None, ..., None, None].expand(count, -1, -1, 1, 1) for layer in layers]


def table(found: Corollaries) -> str:
    """One row a corollary, in Markdown: medians over the pairs, and the largest ratio of both."""
    lines = [["", "difference", "bound", "closest"], ["---"] * 4]
    for name, sides in found._asdict().items():
        values = (
            *(side.median() for side in sides),
            (sides.difference / sides.bound).nan_to_num().max(),
        )
        lines.append([name, *(f"{value.item():.3g}" for value in values)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of medians.

    Runs as `python -m avfuse.methods.dynamic_kernels.corollaries`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        "avfuse.methods.dynamic_kernels.corollaries", description="Measure Corollaries 1 to 3."
    )
    parser.add_argument("model", help="a bundled model's name, or a model file")
    parser.add_argument("sounds", nargs="+", type=Path, help="files with sound")
    parser.add_argument("--pairs", type=int, default=128, help="of audio segments (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        generator = dynamic(load(options.model))
        with torch.inference_mode():
            chunks = drawn(generator, options.sounds, options.pairs, 0)
            parts = [compare(generator, *chunk) for chunk in chunks]
    except InputError as error:
        print(f"avfuse: {error}", file=sys.stderr)
        return 2
    print(table(_joined(parts)))
    return 0


def _joined(parts: Sequence[Corollaries]) -> Corollaries:
    each = zip(*parts, strict=True)
    return Corollaries(*(Sides(*map(torch.cat, zip(*sides, strict=True))) for sides in each))


if __name__ == "__main__":
    raise SystemExit(main())
