"""The training verbs: Lightning's command line over our module and data."""

import warnings
from collections.abc import Sequence
from typing import NoReturn

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from avfuse.arguments import prepared
from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.module import TalkingFace


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

    def _parse_ckpt_path(self) -> None:
        """Keep to what the command says; a checkpoint of another network is refused on loading.

        Lightning would let the options that stand in the checkpoint win, without a word.
        """


def run(arguments: Sequence[str]) -> None:
    """Run `fit`, `validate` or `test` with Lightning's options.

    A recipe builds on the `base.yaml` in its folder or in one above it, so that it holds the
    difference only.

    Args:
        arguments: the verb and what follows it.

    Raises:
        InputError: for options that are unknown, do not fit or make no network, and for files that
            do not exist.
    """
    warnings.filterwarnings("ignore", "LightningCLI's args parameter")
    try:
        TrainingCLI(
            TalkingFace,
            TalkingClips,
            args=prepared(arguments),
            parser_class=OneLineParser,
            save_config_kwargs={"overwrite": True},
        )
    except FileNotFoundError as error:  # Lightning's, for a checkpoint
        raise InputError(str(error)) from error
