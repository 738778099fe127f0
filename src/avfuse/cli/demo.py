"""`avfuse demo`."""

import argparse
from pathlib import Path

HELP = "make a procedural face speak; needs no data at all"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse demo`."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="where the files go")
    parser.add_argument(
        "--method", metavar="NAME", help="whose bundled model speaks; see avfuse methods"
    )
    parser.add_argument(
        "--seed", type=int, default=11, help="which face and which words (default: 11)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def run(options: argparse.Namespace) -> None:
    """Make everything out of nothing, and list it."""
    from avfuse.demo import demo

    made = demo(options.directory, method=options.method, seed=options.seed, quiet=options.quiet)
    for path in made:
        if not options.quiet:
            print(path)
