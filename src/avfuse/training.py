"""The training verbs: Lightning's command line over our module and data."""

from collections.abc import Sequence

from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

import avfuse.fusion  # noqa: F401  short class names resolve only for what is imported
from avfuse.data.datamodule import TalkingClips
from avfuse.module import TalkingFace


class TrainingCLI(LightningCLI):
    """What hears and what is heard agree: mel steps are set once, in the model."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("model.mel_steps", "data.mel_steps")


def run(arguments: Sequence[str]) -> None:
    """Run `fit`, `validate` or `test` with Lightning's options.

    Args:
        arguments: the verb and what follows it.
    """
    args: ArgsType = list(arguments)
    TrainingCLI(
        TalkingFace,
        TalkingClips,
        args=args,
        save_config_kwargs={"overwrite": True},
        parser_kwargs={"parser_mode": "yaml"},
    )
