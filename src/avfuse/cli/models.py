"""`avfuse models`."""

import argparse

HELP = "list the bundled models"


def add_flags(_: argparse.ArgumentParser) -> None:
    """Nothing may follow `avfuse models`."""


def run(_: argparse.Namespace) -> None:
    """List them: name, method, size, credit."""
    from avfuse.model_file import bundled

    for model in bundled():
        print(f"{model.name:<12} {model.method:<21} {model.megabytes:6.1f} MB  {model.credit}")
