"""How a training went, epoch by epoch, in a file of JSON lines."""

import json
import math
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

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
        line = json.dumps({"epoch": trainer.current_epoch, **scores})
        with (Path(trainer.default_root_dir) / FILE).open("a") as file:
            file.write(f"{line}\n")
        print(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}", flush=True)


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """Every epoch's scores; of an epoch that was begun twice, the second time."""
    path = folder / FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return list({line["epoch"]: line for line in map(json.loads, lines)}.values())
