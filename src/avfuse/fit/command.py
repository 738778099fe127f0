"""The training verbs: Lightning's command line over our module and data."""

import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lightning import LightningDataModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only

from avfuse.data.datamodule import TalkingClips
from avfuse.errors import InputError
from avfuse.files.recipes import in_words
from avfuse.fit.arguments import names_class, prepared, recipes
from avfuse.training.base import Training
from avfuse.training.runs import KeptConfig

_USUAL = "avfuse.methods.dynamic_kernels.training.TalkingFace"  # where no recipe names another


class OneLineParser(LightningArgumentParser):
    """Says what is wrong with the options in one line, as the rest of the command line does."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise _refusal(message) from ex


class TrainingCLI(LightningCLI):
    """What model and data must agree on is set once, in the model."""

    def __init__(
        self,
        model: Callable[..., Training],
        data: type[LightningDataModule],
        args: list[str],
        **options: Any,
    ) -> None:
        self._verb = args[:1]
        super().__init__(model, data, args=args, **options)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The verb that is asked for: a parser for each of the others would take as long again."""
        return {name: skip for name, skip in super().subcommands().items() if name in self._verb}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        model = "model.init_args" if self.subclass_mode_model else "model"
        data = "data.init_args" if self.subclass_mode_data else "data"
        parser.link_arguments(f"{model}.mel_steps", f"{data}.mel_steps")
        parser.link_arguments(f"{model}.size", f"{data}.size")
        if self.subclass_mode_model:  # the usual model hears as much after a frame as before it
            parser.link_arguments(f"{model}.mel_ahead", f"{data}.mel_ahead")
        if self.subclass_mode_model and self.subclass_mode_data:  # which may have references
            for option in ("history", "shots"):
                parser.link_arguments(f"{model}.{option}", f"{data}.{option}")

    def instantiate_classes(self) -> None:
        """Build model, data and trainer; options that make no network are the user's to mend."""
        try:
            super().instantiate_classes()
        except ValueError as error:
            raise _refusal(str(error)) from error

    def _parse_ckpt_path(self) -> None:
        """Keep to what the command says; a checkpoint of another network is refused on loading.

        Lightning would let the options that stand in the checkpoint win, without a word.
        """


def run(arguments: Sequence[str]) -> None:
    """Run `fit`, `validate` or `test` with Lightning's options.

    Recipes are given by name or path, as of [`recipe_file`][avfuse.files.recipes.recipe_file]. The
    first builds on others, as of [`built_on`][avfuse.files.recipes.built_on], so that it holds the
    difference only; one line on standard error names all that are read. What is trained is
    [`TalkingFace`][avfuse.TalkingFace], unless a recipe names another
    [`Training`][avfuse.training.base.Training] by `model.class_path`; `data.class_path` may name
    other data than [`TalkingClips`][avfuse.data.datamodule.TalkingClips].

    Args:
        arguments: the verb and what follows it.

    Raises:
        InputError: for options that are unknown, do not fit or make no network, and for files that
            do not exist.
    """
    # W&B notes the commit of the folder of its files: it may lie elsewhere, or not be there yet.
    os.environ.setdefault("WANDB_GIT_ROOT", str(Path.cwd()))
    words = prepared(arguments)
    _say(recipes(words))
    try:
        _cli(words, save_config_callback=KeptConfig)
    except FileNotFoundError as error:  # Lightning's, for a checkpoint
        raise InputError(str(error)) from error


def trainable(arguments: Sequence[str], *, alone: bool = False) -> tuple[Trainer, Training, Any]:
    """Build what `fit` would train, for who calls the trainer themselves: trainer, training, data.

    Args:
        arguments: what follows the verb.
        alone: the recipe is complete: it builds on nothing.

    Raises:
        InputError: as for `run`.
    """
    words = prepared(arguments, alone=alone)
    cli = _cli(words, run=False, save_config_callback=None)
    return cli.trainer, cli.model, cli.datamodule


@rank_zero_only
def _say(read: Sequence[Path]) -> None:
    if read:
        print(f"avfuse: recipe: {in_words(read)}", file=sys.stderr)


def _refusal(message: str) -> InputError:
    if "Requirement 'wandb" in message:  # said among all else that a logger could have been
        return InputError("WandbLogger needs wandb; pip install 'avfuse[wandb]'")
    return InputError(message)


def _usual() -> type[Training]:
    home, _, name = _USUAL.rpartition(".")
    usual: type[Training] = getattr(importlib.import_module(home), name)
    return usual


def _cli(words: list[str], **options: Any) -> TrainingCLI:
    warnings.filterwarnings("ignore", "LightningCLI's args parameter")
    named, other = names_class("model", words), names_class("data", words)
    return TrainingCLI(
        Training if named else _usual(),
        LightningDataModule if other else TalkingClips,
        words,
        subclass_mode_model=named,
        subclass_mode_data=other,
        parser_class=OneLineParser,
        **options,
    )
