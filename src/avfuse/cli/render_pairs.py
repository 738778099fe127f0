"""`avfuse render-pairs`."""

import argparse
import sys
from pathlib import Path

from avfuse.cli.flags import add_device, add_faces

HELP = "let a model make people say recordings, to train another on"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse render-pairs`."""
    parser.add_argument(
        "--people",
        type=Path,
        required=True,
        metavar="DIR",
        help="of videos or photos, one face each",
    )
    parser.add_argument(
        "--speech",
        type=Path,
        required=True,
        metavar="DIR",
        help="of recordings, or videos with sound",
    )
    parser.add_argument("--model", default="default", metavar="NAME|PATH", help="see avfuse models")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="what is there is not made again"
    )
    parser.add_argument(
        "--count", type=int, default=8, metavar="N", help="recordings a person (default: 8)"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="of each recording, at most (default: all)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of who says what (default: 0)")
    add_device(parser)
    add_faces(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def run(options: argparse.Namespace) -> int:
    """Render, and say what could not be; 1 where that is something."""
    from avfuse.speaking.render import Teacher, render_pairs

    done = render_pairs(
        options.people,
        options.speech,
        options.output,
        teacher=Teacher(options.model, options.device, options.faces, options.seconds),
        count=options.count,
        jobs=options.jobs,
        seed=options.seed,
        quiet=options.quiet,
    )
    for line in done.failed:
        print(f"avfuse: skipped {line}", file=sys.stderr)
    if not options.quiet:
        print(f"{options.output}: {done.made} rendered, {done.kept} there already")
    return 1 if done.failed else 0
