"""Pictures of dynamic kernels: what two sounds make of them, and what the theory says of that."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.geometry.box import Frame
from avfuse.methods.dynamic_kernels.generator import Generator, dynamic
from avfuse.model_file import load
from avfuse.sound.mel import STEP_RATE, MelStream, mel_windows
from avfuse.types import Kernel
from avfuse.video.audio import mono_blocks
from avfuse.video.picture import write_picture

_INK, _FAINT = (40, 40, 40), (200, 200, 200)
_PANEL, _GAP, _LEFT, _TOP = 192, 16, 120, 32  # pixels
_ROWS = ("first sound", "second sound", "difference")
# Blue, orange, green, told apart by the colour-blind (Okabe and Ito 2008).
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115))


def kernel_picture(
    generator: Generator, mel: Float[Tensor, "2 80 S"], channels: int = 16
) -> UInt8[np.ndarray, "H W 3"]:
    """The dynamic kernels that two audio segments make, layer by layer (Fig. 7).

    A column a dynamic layer; the first sound, the second one, second minus first. In every panel
    rows are output and columns input channels, each pixel one number (or kH x kW of them): blue
    below zero, white at zero, red above. Both sounds share a scale, the difference has its own.

    Args:
        generator: with dynamic kernels.
        mel: two mel windows.
        channels: how many of the first channels to show either way (the paper's figure: 16).

    Returns:
        RGB on white.

    Raises:
        InputError: if the generator makes no kernels, or there are no channels to show.
    """
    if channels < 1:
        raise InputError(f"channels is {channels}; show at least one")
    kernels = generator.condition(mel.unsqueeze(0)).kernels
    if not kernels:
        raise InputError(
            f"the model fuses by {type(generator.fusion).__name__}, which makes no kernels to show"
        )
    columns = [_column(i, _matrices(k, channels)) for i, k in enumerate(kernels, start=1)]
    names = _blank(columns[0].shape[0], _LEFT)
    for row, name in enumerate(_ROWS):
        _write(names, name, 8, _TOP + row * (_PANEL + _TOP) + _PANEL // 2)
    return np.hstack([names, *columns])


def bounds_plot(
    difference: Float[Tensor, "N"], *bounds: Float[Tensor, "N"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Bounds over what they bound, every pair a dot, both axes logarithmic.

    Args:
        difference: ‖y_n¹ - y_n²‖ of each pair.
        bounds: theorem, product, measured, as in
            [`Bounds`][avfuse.methods.dynamic_kernels.theory.Bounds].

    Returns:
        RGB on white. On the grey line a bound is what it bounds; nothing can lie below it.

    Raises:
        InputError: if no pair differs.
    """
    pairs = difference > 0  # a logarithm has no room for one sound twice
    if not pairs.any():
        raise InputError("no pair of sounds makes a difference; there is nothing to draw")
    x = difference[pairs].log10()
    curves = [bound[pairs].log10() for bound in bounds]
    left = math.floor(x.min())
    right = max(math.ceil(x.max()), left + 1)
    top = math.ceil(max(curve.max() for curve in curves))
    image, unit = _blank(460, 720), 400 / max(top - left, 1)
    stretch = 440 / (right - left)

    def place(a: float | int, b: float | int) -> tuple[int, int]:
        return round(90 + (a - left) * stretch), round(415 - (b - left) * unit)

    for decade in range(left, top + 1):
        cv2.line(image, place(left, decade), place(right, decade), _FAINT, 1, cv2.LINE_AA)
        _write(image, f"1e{decade}", 44, place(left, decade)[1] + 4)
    for decade in range(left, right + 1):
        _write(image, f"1e{decade}", place(decade, left)[0] - 10, 432)
    cv2.line(image, place(left, left), place(right, right), (120, 120, 120), 2, cv2.LINE_AA)
    _write(image, "true difference", 255, 452)
    for name, curve, colour in zip(
        ("theorem", "product", "measured"), curves, _COLOURS, strict=True
    ):
        for point in zip(x.tolist(), curve.tolist(), strict=True):
            cv2.circle(image, place(*point), 3, colour, cv2.FILLED, cv2.LINE_AA)
        _write(image, name, 545, place(0, curve.mean().item())[1] + 4, colour)
    _write(image, "true difference", 545, place(right, right)[1] + 4)
    return image


def _matrices(kernel: Kernel, channels: int) -> Float[np.ndarray, "3 h w"]:
    """Kernels of both sounds and their difference, taps side by side."""
    both = kernel.weight[0, :, :channels, :channels].detach().float().cpu()
    flat = both.movedim(3, 2).flatten(3).flatten(1, 2)  # O and kH down, I and kW across
    return torch.cat([flat, flat[1:] - flat[:1]]).numpy()


def _column(number: int, matrices: Float[np.ndarray, "3 h w"]) -> Frame:
    """A layer's three panels with its name above and their scales below."""
    shared, own = np.abs(matrices[:2]).max(), np.abs(matrices[2]).max()
    parts = [_blank(_TOP, _PANEL + _GAP)]
    _write(parts[0], f"layer {number}", 4, 22)
    for matrix, scale in zip(matrices, (shared, shared, own), strict=True):
        panel = _blank(_PANEL + _TOP, _PANEL + _GAP)
        panel[:_PANEL, :_PANEL] = _coloured(matrix, float(scale))
        cv2.rectangle(panel, (0, 0), (_PANEL - 1, _PANEL - 1), _FAINT)
        _write(panel, f"-{scale:.2g} to {scale:.2g}", 4, _PANEL + 16)
        parts.append(panel)
    return np.vstack(parts)


def _coloured(matrix: Float[np.ndarray, "h w"], scale: float) -> Frame:
    # The shifted twilight is a circle: its ends, nearly black both, are left out.
    levels = 127.5 + 80 * matrix / max(scale, 1e-12)
    coloured = cv2.applyColorMap(levels.round().astype(np.uint8), cv2.COLORMAP_TWILIGHT_SHIFTED)
    return cv2.resize(
        coloured[..., ::-1].copy(), (_PANEL, _PANEL), interpolation=cv2.INTER_NEAREST_EXACT
    )


def _blank(height: int, width: int) -> Frame:
    return np.full((height, width, 3), 255, np.uint8)


def _write(image: Frame, text: str, x: int, y: int, colour: tuple[int, int, int] = _INK) -> None:
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def segments(path: Path, steps: int) -> Float[Tensor, "T 80 steps"]:
    """Every audio segment of a file: the mel window of `steps` around each mel step.

    Raises:
        InputError: if the file has no sound.
    """
    stream = MelStream()
    mel = torch.cat([*map(stream.push, mono_blocks(path)), stream.flush()], 1)
    return mel_windows(mel, torch.arange(mel.shape[1]) / STEP_RATE, steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the kernels of the loudest moments of two sounds.

    Runs as `python -m avfuse.methods.dynamic_kernels.viz`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used.
    """
    parser = argparse.ArgumentParser(
        "avfuse.methods.dynamic_kernels.viz", description="Draw a model's dynamic kernels."
    )
    parser.add_argument("model", help="a bundled model's name, or a model file")
    parser.add_argument("sounds", nargs=2, type=Path, help="two files with sound")
    parser.add_argument("output", type=Path, help="the picture to write, .png or .jpg")
    parser.add_argument("--channels", type=int, default=16, help="how many to show (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        generator = dynamic(load(options.model))
        heard = [segments(sound, generator.audio.steps) for sound in options.sounds]
        loudest = torch.stack([each[each.mean((1, 2)).argmax()] for each in heard])
        with torch.inference_mode():
            picture = kernel_picture(generator, loudest, options.channels)
        write_picture(options.output, picture)
    except InputError as error:
        print(f"avfuse: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
