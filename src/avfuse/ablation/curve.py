"""How a training went, epoch by epoch, in a file of JSON lines."""

import json
import math
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from avfuse.errors import InputError
from avfuse.files.whole import write_whole

FILE = "curve.jsonl"


class Curve(Callback):
    """Writes every epoch's scores as a line, and says which epoch is done.

    A training that goes on where it was stopped goes on with the file too.
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        values = {k: float(v) for k, v in trainer.callback_metrics.items()}
        scores = {k: v for k, v in values.items() if math.isfinite(v)}
        folder = Path(trainer.default_root_dir)
        curve = [*read_curve(folder), {"epoch": trainer.current_epoch, **scores}]
        write_whole(folder / FILE, "".join(f"{json.dumps(epoch)}\n" for epoch in curve))
        print(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}", flush=True)


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """Every epoch's scores; of an epoch that was begun twice, the second time.

    A last line that was cut short, as by a full disk, is none.

    Raises:
        InputError: if any other line is damaged.
    """
    path = folder / FILE
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    epochs: dict[int, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            scores = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                break
            raise InputError(
                f"{path}: line {number} is damaged; remove the file, and the curve begins anew"
            ) from error
        epochs[scores["epoch"]] = scores
    return list(epochs.values())
