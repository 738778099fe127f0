"""What trainings of small networks share, on the smallest one."""

import sys

import pytest
import torch
from lightning import LightningDataModule, Trainer
from torch import nn
from torch.utils.data import DataLoader

from avfuse.experts.training import ExpertTraining, command


class Line(ExpertTraining):
    """One weight, and a slope that no step may take whole."""

    def __init__(self, output=None, rate=0.1, weight_decay=0.0):
        super().__init__()
        self.save_hyperparameters()
        self.layer = nn.Linear(1, 1)
        self.norms = []

    def training_step(self, batch, batch_index):
        return 1e6 * self.layer(batch).square().mean()

    def optimizer_step(self, *words, **options):
        super().optimizer_step(*words, **options)
        self.norms.append(torch.stack([p.grad.norm() for p in self.parameters()]).norm().item())

    def write(self, path):
        path.write_text("written")


class Ones(LightningDataModule):
    def train_dataloader(self):
        return DataLoader(torch.ones(8, 1), 2)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_in_any_precision(tmp_path, precision):
    module = Line(output=str(tmp_path / "made" / "w"))
    trainer = Trainer(
        accelerator="cpu",
        precision=precision,
        gradient_clip_val=5.0,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, Ones())
    assert module.norms == pytest.approx([5.0] * 4, rel=1e-3)
    assert (tmp_path / "made" / "w").read_text() == "written"


@pytest.mark.parametrize(
    ("logger", "left"),
    [("logger=false", set()), ("logger=CSVLogger logger.save_dir=runs", {"runs"})],
)
def test_a_configuration_is_kept_with_the_log_and_nowhere_else(tmp_path, monkeypatch, logger, left):
    monkeypatch.chdir(tmp_path)
    quiet = "accelerator=cpu max_epochs=1 enable_checkpointing=false enable_progress_bar=false"
    words = [f"--trainer.{word}" for word in f"{quiet} {logger}".split()]
    monkeypatch.setattr(sys, "argv", ["training", "fit", *words])
    command(Line, Ones)
    assert {path.name for path in tmp_path.iterdir()} == left
    assert len(list(tmp_path.rglob("config.yaml"))) == len(left)
