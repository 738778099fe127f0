"""`avfuse faces install`."""

import argparse
from pathlib import Path

HELP = "download insightface's models, for non-commercial research only"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse faces install`."""
    parser.add_argument(
        "--pack", default="buffalo_l", metavar="NAME", help="which models (default: buffalo_l)"
    )
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="they go to DIR/models (default: ~/.insightface)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no licence")


def run(options: argparse.Namespace) -> None:
    """Download the models, and say where they are."""
    from avfuse.faces.install import install

    folder = install(options.pack, options.root, quiet=options.quiet)
    if not options.quiet:
        print(folder)
