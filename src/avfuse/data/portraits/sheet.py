"""Portraits that say what a clip says, to look at.

    python -m avfuse.data.portraits.sheet PORTRAITS VIDEO OUTPUT.png

draws some of the portraits, each as it is and at moments of the clip; below them is the clip.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from avfuse.data.pairs import Moment, View
from avfuse.data.portraits.driver import Driver
from avfuse.data.portraits.pairs import DrivenPortrait
from avfuse.data.portraits.portrait import Portrait, read_portraits
from avfuse.data.preprocess import Source, SourceClip, find_label, make_clip
from avfuse.geometry.affine import sample
from avfuse.geometry.dense import landmarks_of
from avfuse.video.picture import write_picture

_SIZE = 160  # pixels a side of a picture


def sheet(
    portraits: Sequence[Portrait], driver: Driver, moments: Sequence[int]
) -> UInt8[np.ndarray, "H W 3"]:
    """A row for each portrait: as it is, and at moments of a clip; the clip's own comes last."""
    said = [Moment(driver, number) for number in moments]
    rows = [_row(DrivenPortrait(portrait, [driver], [1.0]), said) for portrait in portraits]
    own = [_seen(driver.frame(number), driver.landmarks[number]) for number in moments]
    return np.vstack([*rows, np.hstack([np.full_like(own[0], 255), *own])])


def _row(speaker: DrivenPortrait, moments: Sequence[Moment]) -> np.ndarray:
    points = landmarks_of(speaker.portrait.points)[:, :2].astype(np.float32)
    drawn, _ = speaker.frames(moments)
    pictures = (speaker.portrait.picture(), *drawn)
    return np.hstack([_seen(picture, points) for picture in pictures])


def _seen(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    view = View(_SIZE)
    return sample(picture, view.matrix(points), view.grid())


def spread(driver: Driver, count: int) -> list[int]:
    """Frames from the most closed to the most open lips, in the order of the clip."""
    order = torch.from_numpy(driver.lips[driver.valid])
    apart = (order[:, 18, 1] - order[:, 14, 1]).argsort().numpy()
    places = np.linspace(0, len(apart) - 1, count).round().astype(int)
    return sorted(driver.valid[apart[places]].tolist())


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.data.portraits.sheet")
    parser.add_argument("portraits", type=Path, help="folder of pictures with mesh.npz")
    parser.add_argument("video", type=Path, help="who speaks")
    parser.add_argument("output", type=Path, help="the .png or .jpg to write")
    parser.add_argument("--labels", type=Path, help="folder of landmarks (beside the video)")
    parser.add_argument("--people", type=int, default=9, help="rows")
    parser.add_argument("--moments", type=int, default=8, help="columns")
    options = parser.parse_args()
    portraits = read_portraits(options.portraits)
    some = portraits[:: max(1, len(portraits) // options.people)][: options.people]
    with tempfile.TemporaryDirectory() as folder:
        clip = SourceClip("", "", Path(folder) / "clip.safetensors")
        make_clip(Source(options.video, find_label(options.video, options.labels), clip))
        driver = Driver(clip.path)
        write_picture(options.output, sheet(some, driver, spread(driver, options.moments)))


if __name__ == "__main__":
    main()
