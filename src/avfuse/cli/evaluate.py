"""`avfuse evaluate`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from avfuse.cli.files import check_writable
from avfuse.cli.flags import add_device
from avfuse.errors import InputError

_COMMON = ("closure", "device", "report", "sheet", "quiet")
HELP = "score a model, or any system's videos"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse evaluate`."""
    parser.add_argument(
        "--clips",
        type=Path,
        action="append",
        metavar="DIR",
        help="of videos, or several; scores a model",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME|PATH",
        help="see avfuse models; several give one table (default: default)",
    )
    parser.add_argument(
        "--protocol",
        choices=("first-frame", "dubbing", "videos"),
        default="first-frame",
        help="what the model is given (default: first-frame)",
    )
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="with videos: what another system made of the same clips",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        action="append",
        metavar="DIR",
        help="of landmarks, as for training; one for all --clips, or as many",
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/clips"), metavar="DIR")
    parser.add_argument(
        "--unseen",
        default="",
        metavar="A,B,...",
        help="speakers or speaker/clip kept from training",
    )
    parser.add_argument(
        "--held-back",
        type=int,
        default=0,
        metavar="N",
        help="every Nth clip of the others was too; without both, all clips are scored",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="NAME=A,B,...",
        help="as --unseen, scored as a group of their own; may be given several times",
    )
    parser.add_argument(
        "--rest",
        action="store_true",
        help="with first-frame and dubbing: score whether mouths rest in silence and room noise",
    )
    parser.add_argument("--generated", type=Path, metavar="DIR", help="of any system's videos")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="of the true ones")
    parser.add_argument(
        "--closure",
        action="store_true",
        help="score whether the lips close at p, b and m; needs avfuse[speech]",
    )
    add_device(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="tables, plots, clips")
    parser.add_argument("--sheet", type=Path, metavar="FILE.jpg", help="frames, side by side")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no table")


def run(options: argparse.Namespace) -> int:
    """Score, and print the tables; 1 where a clip was skipped."""
    from avfuse.evaluation.evaluate import evaluate_folders, evaluate_models
    from avfuse.evaluation.table import tables

    files = [f for f in (options.output, options.report, options.sheet) if f is not None]
    for i, path in enumerate(files):
        check_writable(path, *files[:i])
    common = {name: getattr(options, name) for name in _COMMON}
    folders = [f for f in (options.generated, options.reference) if f is not None]
    if options.clips is not None and not folders:
        metrics = evaluate_models(
            options.clips,
            options.output,
            models=options.model or ["default"],
            protocol=options.protocol,
            beside={name: Path(of) for name, of in map(_named, options.beside)},
            labels=_one_or_many(options.labels),
            cache=options.cache,
            unseen=_names(options.unseen),
            held_back=options.held_back,
            apart={name: _names(of) for name, of in map(_named, options.group)},
            rest=options.rest,
            **common,
        )
    elif options.clips is None and len(folders) == 2:
        metrics = evaluate_folders(folders[0], folders[1], options.output, **common)
    else:
        raise InputError("give either --clips DIR, or --generated DIR and --reference DIR")
    if not options.quiet:
        print(tables(metrics["rows"]))
    return 1 if metrics["skipped"] else 0


def _named(words: str) -> tuple[str, str]:
    name, equals, value = words.partition("=")
    if not (name and equals and value):
        raise InputError(f"{words}: expected NAME=DIR, or of a group NAME=A,B,...")
    return name, value


def _names(words: str) -> list[str]:
    return [name for name in words.split(",") if name]


def _one_or_many(labels: Sequence[Path] | None) -> Path | Sequence[Path] | None:
    return labels[0] if labels and len(labels) == 1 else labels
