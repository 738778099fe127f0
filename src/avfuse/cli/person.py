"""`avfuse person`."""

import argparse
from pathlib import Path

from avfuse.cli.files import check_writable
from avfuse.errors import InputError

HELP = "make a model of one person, from a minute or more of footage"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse person`."""
    parser.add_argument(
        "videos", type=Path, metavar="VIDEO", help="of one person who speaks, or a folder of such"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="the model file, .safetensors"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="N", help="of training at most; tracking comes before"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="DIR", help="labelled dense points; else they are found"
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="kept until the end (default: beside FILE)"
    )
    parser.add_argument(
        "--recipes", type=Path, metavar="DIR", help="STAGE/person.yaml; else the library's"
    )
    parser.add_argument("--credit", default="", help="of the footage, and its licence")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="options",
        help="of the trainings, as in avfuse fit: model.shoulders=0",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")


def run(options: argparse.Namespace) -> None:
    """Train the stages in order, and say where model and report lie."""
    from avfuse.fit.person import Footage, person

    check_writable(options.output)
    if options.minutes is not None and not options.minutes > 0:
        raise InputError(f"--minutes {options.minutes:g}: expected more than 0")
    if options.output.suffix != ".safetensors":
        raise InputError(f"{options.output}: a model file's name ends in .safetensors")
    report = person(
        Footage(options.videos, options.labels),
        options.output,
        work=options.work,
        minutes=options.minutes,
        options=[f"--{option}" for option in options.options],
        recipes=options.recipes,
        credit=options.credit,
        quiet=options.quiet,
    )
    if not options.quiet:
        print(f"{options.output}\n{report}")
