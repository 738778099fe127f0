"""The training verbs: Lightning's command line over our module and data."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

import avfuse.fusion  # noqa: F401  short class names resolve only for what is imported
from avfuse.data.datamodule import TalkingClips
from avfuse.module import TalkingFace


class TrainingCLI(LightningCLI):
    """What model and data must agree on is set once, in the model."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("model.mel_steps", "data.mel_steps")
        parser.link_arguments("model.size", "data.size")


def run(arguments: Sequence[str]) -> None:
    """Run `fit`, `validate` or `test` with Lightning's options.

    A recipe builds on the `base.yaml` in its folder or in one above it, so that it holds the
    difference only.

    Args:
        arguments: the verb and what follows it.
    """
    warnings.filterwarnings("ignore", "LightningCLI's args parameter")
    TrainingCLI(
        TalkingFace,
        TalkingClips,
        args=list(_on_base(arguments)),
        save_config_kwargs={"overwrite": True},
    )


def _on_base(arguments: Sequence[str]) -> Iterator[str]:
    """Put the base recipe before the first recipe."""
    found = False
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        path = following if word == "--config" else word.removeprefix("--config=")
        if not found and word.startswith("--config"):
            found = True
            folders = Path(path).resolve().parents
            base = next((f / "base.yaml" for f in folders if (f / "base.yaml").is_file()), None)
            if base is not None and base != Path(path).resolve():
                yield f"--config={base}"
        yield word
