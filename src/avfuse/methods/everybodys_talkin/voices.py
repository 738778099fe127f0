"""What is left of a voice: seconds of several speakers, before and after ID removing (Fig. 11).

    python -m avfuse.methods.everybodys_talkin.voices talkin.safetensors --recordings folder

draws both by t-SNE and says in numbers what the eye may miss.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from avfuse.errors import InputError
from avfuse.experts.speech.recordings import find_recordings
from avfuse.methods.everybodys_talkin.method import EverybodysTalkin
from avfuse.methods.everybodys_talkin.tsne import tsne
from avfuse.model_file import load
from avfuse.sound.mel import mel_spectrogram
from avfuse.video.audio import read_audio
from avfuse.video.picture import write_picture

_SIDE, _EDGE = 480, 24  # pixels of a panel, and free around it


class Voices(NamedTuple):
    """Seconds of speech.

    Attributes:
        heard: mel windows.
        speaker: who talks, by number.
    """

    heard: Float[Tensor, "N M S"]
    speaker: Int[Tensor, "N"]


class Heard(NamedTuple):
    """A second's cepstra in short: mean and deviation of each over time.

    Attributes:
        before: of the sound.
        after: of the sound with its identity removed.
    """

    before: Float[Tensor, "N D"]
    after: Float[Tensor, "N D"]


def gather(folder: Path, speakers: int, each: int, steps: int) -> Voices:
    """Seconds of the first speakers of a folder who have enough of them.

    Args:
        folder: with an `index.tsv`, as of `find_recordings`.
        speakers: how many.
        each: seconds of each.
        steps: mel steps of a window.

    Raises:
        InputError: there are fewer than two such speakers.
    """
    windows: dict[str, list[Tensor]] = defaultdict(list)
    done: list[str] = []
    for recording in find_recordings(folder):
        name = recording.speaker
        if name in done:
            continue
        mel = mel_spectrogram(read_audio(recording.path))
        windows[name] += mel.unfold(1, steps, steps).unbind(1)
        if len(windows[name]) >= each:
            done.append(name)
        if len(done) == speakers:
            break
    if len(done) < 2:
        raise InputError(f"{folder}: {len(done)} speakers with {each} seconds; give more speech")
    heard = torch.stack([w for name in done for w in windows[name][:each]])
    return Voices(heard, torch.arange(len(done)).repeat_interleave(each))


@torch.no_grad()
def heard(method: EverybodysTalkin, voices: Voices) -> Heard:
    """What a method hears of voices, before and after."""
    x = method.sound(voices.heard)
    return Heard(*(_short(part) for part in (x, method.id_removing(x))))


def nearest_is_right(points: Float[Tensor, "N D"], speaker: Int[Tensor, "N"]) -> float:
    """How often the nearest other point is the same speaker's."""
    nearest = torch.cdist(points, points).fill_diagonal_(torch.inf).argmin(1)
    return (speaker[nearest] == speaker).float().mean().item()


def drawn(
    layouts: Sequence[Float[Tensor, "N 2"]], speaker: Int[Tensor, "N"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Layouts side by side, a colour for each speaker."""
    hues = np.arange(int(speaker.max()) + 1) * 180 // (int(speaker.max()) + 1)
    wheel = np.stack([hues, np.full_like(hues, 200), np.full_like(hues, 210)], -1).astype(np.uint8)
    colours = cv2.cvtColor(wheel[None], cv2.COLOR_HSV2RGB)[0]
    return np.hstack([_panel(layout.numpy(), colours[speaker.numpy()]) for layout in layouts])


def _panel(
    layout: Float[np.ndarray, "N 2"], colours: UInt8[np.ndarray, "N 3"]
) -> UInt8[np.ndarray, "side side 3"]:
    low, high = layout.min(0), layout.max(0)
    places = (layout - low) / np.maximum(high - low, 1e-9) * (_SIDE - 2 * _EDGE) + _EDGE
    panel = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    for (x, y), colour in zip(places.round().astype(int).tolist(), colours.tolist(), strict=True):
        cv2.circle(panel, (x, y), 4, colour, -1, cv2.LINE_AA)
    return panel


def _short(x: Float[Tensor, "N S C"]) -> Float[Tensor, "N D"]:
    """Mean and deviation over time, each of deviation 1 over all windows."""
    both = torch.cat([x.mean(1), x.std(1)], 1)
    return (both - both.mean(0)) / both.std(0).clamp_min(1e-9)


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and count."""
    parser = argparse.ArgumentParser("voices", description="t-SNE before and after ID removing")
    parser.add_argument("model", help="a model file of Everybody's Talkin'")
    parser.add_argument("--recordings", type=Path, required=True, metavar="DIR")
    parser.add_argument("--speakers", type=int, default=10, metavar="N")
    parser.add_argument("--seconds", type=int, default=20, metavar="N", help="of each speaker")
    parser.add_argument("--output", type=Path, default=Path("voices.png"), metavar="FILE.png")
    options = parser.parse_args(arguments)
    try:
        method = load(options.model)
        if not isinstance(method, EverybodysTalkin):
            raise InputError(f"{options.model} is a model of another method")
        voices = gather(options.recordings, options.speakers, options.seconds, method.hears.steps)
        both = heard(method, voices)
        before, after = (nearest_is_right(points, voices.speaker) for points in both)
        write_picture(options.output, drawn([tsne(points) for points in both], voices.speaker))
    except InputError as error:
        print(f"voices: {error}", file=sys.stderr)
        return 2
    print(f"nearest second is the same speaker's: {before:.0%} before, {after:.0%} after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
