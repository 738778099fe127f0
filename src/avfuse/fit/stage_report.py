"""How stages went: scores of what is held back, epoch by epoch, and pictures of it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from lightning import Callback, LightningModule, Trainer

from avfuse.errors import InputError
from avfuse.files.whole import write_whole
from avfuse.training.base import Training
from avfuse.video.picture import write_picture

Row = dict[str, int | float]
"""An epoch and its scores."""

Picture = UInt8[np.ndarray, "_ _ 3"]

_COLUMNS = 6  # pictures of what is held back
_WIDTH, _HEIGHT, _MARGIN = 480, 200, 36  # of a curve, pixels


class History(Callback):
    """Keeps the scores of every validation in a file, across all runs of a training.

    Args:
        path: of the file, JSON.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        past = [row for row in read_history(self._path) if row["epoch"] < trainer.current_epoch]
        held = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        row = {"epoch": trainer.current_epoch, **{k.split("/")[-1]: v for k, v in held.items()}}
        write_whole(self._path, json.dumps([*past, row]))


def read_history(path: Path) -> list[Row]:
    """What `History` keeps; nothing where it has kept nothing yet."""
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    return rows


@torch.no_grad()
def drawn(training: Training, data: Any, path: Path) -> None:
    """Write what a training draws of what is held back, under what was filmed; if it draws.

    Args:
        training: that has ended.
        data: with what is held back.
        path: of the picture.
    """
    batches = [*data.val_dataloader()]
    places = np.linspace(0, len(batches) - 1, _COLUMNS).round().astype(int)
    shown = [training.eval().shown(batches[place]) for place in places]
    pairs = [pair[:, 0] for pair in shown if pair is not None]
    if pairs:
        grid = torch.stack(pairs, 1).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        write_picture(path, (grid.clamp(0, 1) * 255).round().byte().cpu().numpy())


def write_report(work: Path, stages: Sequence[str], output: Path) -> Path:
    """Gather what the stages kept.

    Args:
        work: folder of the stages' folders.
        stages: in order.
        output: the model file; the report lies beside it, `.json` and `.png`.

    Returns:
        The report.
    """
    told = {stage: read_history(work / stage / "history.json") for stage in stages}
    path = output.with_suffix(".json")
    write_whole(path, json.dumps({"held back": told}, indent=2) + "\n")
    rows = [curve(*named) for stage, rows in told.items() for named in _curves(stage, rows)]
    pictures = [_read(work / stage / "held.png") for stage in stages]
    rows += [picture for picture in pictures if picture is not None]
    write_picture(output.with_suffix(".png"), stacked(rows))
    return path


def _curves(stage: str, rows: Sequence[Row]) -> Iterator[tuple[str, list[float]]]:
    for name in rows[0] if rows else ():
        if name != "epoch":
            yield f"{stage}: {name}", [row[name] for row in rows]


def curve(title: str, values: Sequence[float]) -> Picture:
    """A curve over epochs, its ends written beside it."""
    picture = np.full((_HEIGHT, _WIDTH, 3), 255, np.uint8)
    low, high = min(values), max(values)
    across = np.linspace(_MARGIN, _WIDTH - _MARGIN, len(values))
    shares = (np.array(values) - low) / (high - low if high > low else 1.0)
    down = _HEIGHT - _MARGIN - shares * (_HEIGHT - 2 * _MARGIN)
    line = np.stack([across, down], 1).round().astype(np.int32)
    cv2.polylines(picture, [line], False, (40, 90, 160), 2, cv2.LINE_AA)
    words = f"{title} {values[0]:.3g} to {values[-1]:.3g}"
    cv2.putText(picture, words, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40,) * 3, 1, cv2.LINE_AA)
    return picture


def stacked(pictures: Sequence[Picture]) -> Picture:
    """Pictures one below the other, the narrower ones on white."""
    width = max((picture.shape[1] for picture in pictures), default=_WIDTH)
    if not pictures:
        return np.full((_HEIGHT, width, 3), 255, np.uint8)
    rooms = [((0, 0), (0, width - picture.shape[1]), (0, 0)) for picture in pictures]
    padded = [np.pad(p, room, constant_values=255) for p, room in zip(pictures, rooms, strict=True)]
    return np.vstack(padded)


def _read(path: Path) -> Picture | None:
    if not path.exists():
        return None
    image = cv2.imread(str(path))
    if image is None:
        raise InputError(f"{path} is no picture; delete it and the stage's folder")
    return image[..., ::-1].copy()
