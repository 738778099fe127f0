"""A training that leaves a model file behind."""

import sys
from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from avfuse.model_file import from_checkpoint, save
from avfuse.training.base import Training
from avfuse.training.runs import run_folder


class ModelFile(Callback):
    """Writes what was trained as a model file, and says where: what `avfuse export` does, at once.

    The best weights, as the run's first checkpoint callback judges them; those of the end where a
    run was too short to be judged.

    Args:
        path: of the file; None: `model.safetensors` in the run's folder.
        credit: the data it was trained on and their licences.
    """

    def __init__(self, path: str | None = None, credit: str = "") -> None:
        self.path, self.credit = path, credit

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not (trainer.is_global_zero and isinstance(pl_module, Training)):
            return
        path = run_folder(trainer) / "model.safetensors" if self.path is None else Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        best = getattr(trainer.checkpoint_callback, "best_model_path", "")
        save(from_checkpoint(Path(best)) if best else pl_module.trained_method(), path, self.credit)
        print(f"avfuse: model: {path}", file=sys.stderr)
