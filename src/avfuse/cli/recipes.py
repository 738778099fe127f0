"""`avfuse recipes`."""

import argparse
from pathlib import Path

HELP = "list the bundled recipes, or write them out"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse recipes`."""
    parser.add_argument("--copy", type=Path, metavar="DIR", help="write them there, to change them")


def run(options: argparse.Namespace) -> None:
    """List them: what `--config` calls them, and what they are; or write them out."""
    from avfuse.files.recipes import bundled_recipes, copy_recipes

    if options.copy is not None:
        written = copy_recipes(options.copy)
        print(f"{options.copy}: {len(written)} recipes")
        return
    found = bundled_recipes()
    width = max(len(recipe.name) for recipe in found)
    for recipe in found:
        print(f"{recipe.name:<{width}}  {recipe.about}")
