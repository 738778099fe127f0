"""`avfuse ablate`."""

import argparse
from pathlib import Path

from avfuse.files.recipes import recipe_file

HELP = "train and test variants of a recipe, side by side"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse ablate`."""
    parser.add_argument(
        "--config", required=True, metavar="NAME|FILE.yaml", help="the plan; see avfuse recipes"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="results, report, every cell"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="cells at a time (default: by this machine's cores)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no tables")


def run(options: argparse.Namespace) -> int:
    """Train and test, and print the tables; 1 where a cell failed."""
    from avfuse.ablation.ablate import ablate
    from avfuse.ablation.table import tables

    plan = recipe_file(options.config)
    summary = ablate(plan, options.output, jobs=options.jobs, quiet=options.quiet)
    if not options.quiet:
        print(tables(summary))
        print(options.output / "report.html")
    return 1 if summary["failed"] else 0
