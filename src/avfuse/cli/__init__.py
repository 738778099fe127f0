"""The command line: a verb a file, its flags and what it does.

It answers at once: whatever is heavy is imported by the verb that needs it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Protocol

from avfuse import __version__
from avfuse.cli import (
    ablate,
    bench,
    demo,
    evaluate,
    export,
    faces,
    faces_install,
    generate,
    methods,
    models,
    person,
    recipes,
    render_pairs,
)
from avfuse.cli.ending import sigterm_interrupts
from avfuse.errors import InputError


class Verb(Protocol):
    """What the module of a verb has.

    Attributes:
        HELP: one line.
    """

    HELP: str

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Say what may follow the verb."""

    def run(self, options: argparse.Namespace) -> int | None:
        """Do it; the exit code, None for 0."""


_VERBS: dict[str, Verb] = {
    "generate": generate,
    "faces": faces,
    "faces install": faces_install,
    "demo": demo,
    "models": models,
    "methods": methods,
    "recipes": recipes,
    "person": person,
    "export": export,
    "render-pairs": render_pairs,
    "evaluate": evaluate,
    "bench": bench,
    "ablate": ablate,
}

_TRAINING = {  # which Lightning's command line answers
    "fit": "train a model",
    "validate": "score one on validation pairs",
    "test": "score one on test pairs",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `avfuse`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 1 where a part of the input was skipped, 2 for input that cannot be used, 130 when
        interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except InputError as error:
        print(f"avfuse: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("avfuse: interrupted; no file was left half written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: list[str]) -> int:
    if words and words[0] in _TRAINING:
        from avfuse.fit.command import run

        run(words)
        return 0
    if words[:2] == ["faces", "install"]:  # one verb; a file of that name is ./install
        words[:2] = ["faces install"]
    options = _parser().parse_args(words)
    with sigterm_interrupts():
        code: int = options.run(options) or 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "avfuse", description="Make a face video or photo speak the words of a recording."
    )
    parser.add_argument("--version", action="version", version=f"avfuse {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, verb in _VERBS.items():
        words = verbs.add_parser(name, help=verb.HELP)
        verb.add_flags(words)
        words.set_defaults(run=verb.run)
    for name, text in _TRAINING.items():
        verbs.add_parser(name, help=f"{text}, by a recipe (--config NAME|FILE.yaml)")
    return parser
