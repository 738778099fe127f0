"""`avfuse models`."""

import argparse

HELP = "list the bundled models, or print the card of one"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse models`."""
    parser.add_argument(
        "model", nargs="?", metavar="NAME|PATH", help="whose card to print: data, use, limits"
    )


def run(options: argparse.Namespace) -> None:
    """List them: name, method, size, credit; or print a card."""
    from avfuse.model_file import bundled, card_of

    if options.model is not None:
        print(card_of(options.model).rstrip())
        return
    for model in bundled():
        print(f"{model.name:<12} {model.method:<21} {model.megabytes:6.1f} MB  {model.credit}")
