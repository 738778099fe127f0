"""Flags that several verbs have."""

import argparse
from collections.abc import Sequence
from typing import Any

from avfuse.errors import InputError


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the model, whatever its method."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="options",
        help="of the model, one that shapes no weight: --set motion=still",
    )


def read_options(words: Sequence[str]) -> dict[str, Any]:
    """Options as they were given, values read as YAML.

    Raises:
        InputError: one of them is no OPTION=VALUE.
    """
    import yaml

    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise InputError(f"--set {word}: expected OPTION=VALUE")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"--set {word}: the value cannot be read") from error
    return options


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Which of the face trackers."""
    parser.add_argument(
        "--faces",
        choices=("builtin", "insightface", "auto"),
        default="builtin",
        help="what looks for faces (default: builtin)",
    )
