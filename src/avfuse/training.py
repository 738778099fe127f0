"""The training verbs: Lightning's command line over our module and data."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from jsonargparse import get_loader
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

import avfuse.fusion  # noqa: F401  short class names resolve only for what is imported
from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.module import TalkingFace

CONFIG = ("--config", "-c")
"""Options that name a recipe."""


class OneLineParser(LightningArgumentParser):
    """Says what is wrong with the options in one line, as the rest of the command line does."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise InputError(message) from ex


class TrainingCLI(LightningCLI):
    """What model and data must agree on is set once, in the model."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("model.mel_steps", "data.mel_steps")
        parser.link_arguments("model.size", "data.size")

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; options that make no network are the user's to mend."""
        try:
            super().instantiate_classes()
        except ValueError as error:
            raise InputError(str(error)) from error


def run(arguments: Sequence[str]) -> None:
    """Run `fit`, `validate` or `test` with Lightning's options.

    A recipe builds on the `base.yaml` in its folder or in one above it, so that it holds the
    difference only.

    Args:
        arguments: the verb and what follows it.

    Raises:
        InputError: for options that are unknown, do not fit or make no network.
    """
    warnings.filterwarnings("ignore", "LightningCLI's args parameter")
    TrainingCLI(
        TalkingFace,
        TalkingClips,
        args=list(_kept_apart(list(_on_base(arguments)))),
        parser_class=OneLineParser,
        save_config_kwargs={"overwrite": True},
    )


def _on_base(arguments: Sequence[str]) -> Iterator[str]:
    """Put the base recipe before the first recipe."""
    found = False
    for word, (option, value) in zip(arguments, _options(arguments), strict=True):
        if not found and option in CONFIG:
            found = True
            folders = Path(value).resolve().parents
            base = next((f / "base.yaml" for f in folders if (f / "base.yaml").is_file()), None)
            if base is not None and base != Path(value).resolve():
                yield f"--config={base}"
        yield word


def _kept_apart(arguments: Sequence[str]) -> Iterator[str]:
    """Let a strategy that follows another start from its own defaults.

    Where a class replaces another, jsonargparse carries over the options that have the same name in
    both. The contract itself has no options: naming it in between makes it forget them all.
    """
    current = None
    for word, option in zip(arguments, _options(arguments), strict=True):
        named = _strategy(*option)
        if named and current and named != current:
            yield "--model.fusion=Fusion"
        current = named or current
        yield word


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word as an option and its value, whether `--option=value` or `--option value`."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        yield option, value if equals else following


def _strategy(option: str, value: str) -> str | None:
    """The bare name of the strategy that an option sets, if it sets one."""
    if option not in (*CONFIG, "--model.fusion", "--model.fusion.class_path"):
        return None
    try:
        content = get_loader("yaml")(Path(value).read_text() if option in CONFIG else value)
        fusion = content["model"]["fusion"] if option in CONFIG else content
        name = fusion if isinstance(fusion, str) else fusion["class_path"]
    except Exception:  # sets none, or is no recipe: the parser says so better
        return None
    return str(name).rpartition(".")[2]
