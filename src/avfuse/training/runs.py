"""What a training run keeps of itself: where its files lie, and how it was configured."""

from pathlib import Path
from typing import Any

from jsonargparse import Namespace, get_loader
from lightning import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, SaveConfigCallback

from avfuse.files.whole import write_whole
from avfuse.method import Method, name_of
from avfuse.training.base import Training


def run_folder(trainer: Trainer) -> Path:
    """The folder above a run's checkpoints, whatever its logger.

    `trainer.log_dir` is that only for loggers of files; for the others it is shared by all runs.
    """
    logger = trainer.logger
    if logger is None:
        return Path(trainer.default_root_dir)
    version = logger.version if isinstance(logger.version, str) else f"version_{logger.version}"
    return Path(logger.save_dir or trainer.default_root_dir, logger.name or "", version)


class KeptConfig(SaveConfigCallback):
    """Hands the merged configuration to every logger, and writes it as the run's `config.yaml`.

    Args:
        parser: that read it.
        config: what was read.
    """

    def __init__(self, parser: LightningArgumentParser, config: Namespace) -> None:
        super().__init__(parser, config, save_to_log_dir=False)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        text = self.parser.dump(self.config, skip_none=False)
        own = _in_words(pl_module.method) if isinstance(pl_module, Training) else {}
        settings = get_loader("yaml")(text) | own
        for logger in trainer.loggers:  # first: a logger may only now learn the run's name
            logger.log_hyperparams(settings)
        folder = run_folder(trainer)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "config.yaml", text)


def _in_words(method: Method) -> dict[str, Any]:
    """Method and strategy in words that runs can be grouped by; options stand under `model`."""
    options = type(method).spelled_out(method.config)
    names = [v for k, v in options.items() if k.replace(".inner", "") == "fusion"]
    return {"method": name_of(type(method)), **({"fusion": " over ".join(names)} if names else {})}
