"""The command line. Answers at once: whatever is heavy is imported by the verb that needs it."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avfuse import __version__
from avfuse.errors import InputError

if TYPE_CHECKING:
    from avfuse.pipeline import Report

TRAINING = ("fit", "validate", "test")
"""Verbs that Lightning's command line answers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `avfuse`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 2 for input that cannot be used, or 130 when interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in TRAINING:
            from avfuse.training import run

            run(words)
            return 0
        options = _parser().parse_args(words)
        options.run(options)
    except InputError as error:
        print(f"avfuse: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("avfuse: interrupted; no file was left half written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "avfuse", description="Make a face video or photo speak the words of a recording."
    )
    parser.add_argument("--version", action="version", version=f"avfuse {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_generate(verbs)
    demo = verbs.add_parser("demo", help="make a procedural face speak; needs no data at all")
    demo.add_argument("directory", type=Path, metavar="DIR", help="where the files go")
    demo.add_argument(
        "--seed", type=int, default=11, help="which face and which words (default: 11)"
    )
    demo.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    demo.set_defaults(run=_demo)
    models = verbs.add_parser("models", help="list the bundled models")
    models.set_defaults(run=_models)
    export = verbs.add_parser("export", help="turn a training checkpoint into a model file")
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    export.add_argument("output", type=Path, metavar="OUT", help="the model file, .safetensors")
    export.add_argument("--credit", default="", help="training data and their licences")
    export.set_defaults(run=_export)
    _add_evaluate(verbs)
    for verb, text in zip(
        TRAINING,
        ("train a model", "score one on validation pairs", "score one on test pairs"),
        strict=True,
    ):
        verbs.add_parser(verb, help=f"{text}, by a recipe (--config recipes/....yaml)")
    return parser


def _add_generate(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    generate = verbs.add_parser("generate", help="make the face of a video or photo speak")
    generate.add_argument("--face", type=Path, required=True, metavar="FILE", help="video or photo")
    generate.add_argument("--audio", type=Path, required=True, metavar="FILE", help="any sound")
    generate.add_argument("--output", type=Path, required=True, metavar="FILE", help="video, .mp4")
    generate.add_argument(
        "--model", default="default", metavar="NAME|PATH", help="see avfuse models"
    )
    generate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    generate.add_argument("--box", metavar="X0,Y0,X1,Y1", help="where the face is, in pixels")
    generate.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done")
    generate.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    generate.set_defaults(run=_generate)


def _add_evaluate(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = verbs.add_parser("evaluate", help="score a model on held-back clips")
    evaluate.add_argument("--model", default="default", metavar="NAME|PATH")
    evaluate.add_argument("--clips", type=Path, required=True, metavar="DIR", help="of videos")
    evaluate.add_argument(
        "--labels", type=Path, metavar="DIR", help="of landmarks, as for training"
    )
    evaluate.add_argument("--cache", type=Path, default=Path(".cache/clips"), metavar="DIR")
    evaluate.add_argument(
        "--unseen",
        default="",
        metavar="A,B,...",
        help="speakers or speaker/clip kept from training",
    )
    evaluate.add_argument(
        "--held-back",
        type=int,
        default=10,
        metavar="N",
        help="every Nth clip of the others was too",
    )
    evaluate.add_argument("--protocol", choices=("first-frame",), default="first-frame")
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    evaluate.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    evaluate.add_argument("--sheet", type=Path, metavar="FILE.jpg", help="frames, side by side")
    evaluate.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    evaluate.set_defaults(run=_evaluate)


def _generate(options: argparse.Namespace) -> None:
    from dataclasses import asdict

    from avfuse.faces.tracker import FixedBox
    from avfuse.pipeline import generate

    box = None if options.box is None else FixedBox.parse(options.box).box
    if options.report is not None:
        _check_writable(options.report, options.face, options.audio, options.output)
    report = generate(
        options.face,
        options.audio,
        options.output,
        model=options.model,
        device=options.device,
        box=box,
        quiet=options.quiet,
    )
    if options.report is not None:
        _write_json(options.report, asdict(report))
    if not options.quiet:
        _summarise(options.output, report)


def _demo(options: argparse.Namespace) -> None:
    from avfuse.demo import demo

    for path in demo(options.directory, seed=options.seed, quiet=options.quiet):
        if not options.quiet:
            print(path)


def _evaluate(options: argparse.Namespace) -> None:
    from avfuse.data.preprocess import cached_clips
    from avfuse.data.split import split_clips
    from avfuse.evaluate import evaluate, table
    from avfuse.model_file import load
    from avfuse.pipeline import device_named
    from avfuse.video.picture import write_picture

    for path in filter(None, (options.output, options.sheet)):
        _check_writable(path)
    unseen = {name for name in options.unseen.split(",") if name}
    network = load(options.model, device_named(options.device))
    clips = cached_clips(options.clips, options.labels, options.cache)
    parts = split_clips(clips, unseen, options.held_back)
    groups = {name: parts[name] for name in ("seen", "unseen") if parts[name]}
    if not groups:
        raise InputError("no clip is held back; name some by --unseen or --held-back")
    metrics, sheet = evaluate(network, groups, quiet=options.quiet)
    _write_json(options.output, {"model": str(options.model), **metrics})
    if options.sheet is not None:
        write_picture(options.sheet, sheet)
    if not options.quiet:
        print(table(metrics))


def _models(_: argparse.Namespace) -> None:
    from avfuse.model_file import bundled

    for model in bundled():
        print(f"{model.name:<12} {model.megabytes:6.1f} MB  {model.credit}")


def _export(options: argparse.Namespace) -> None:
    from avfuse.model_file import export

    generator = export(options.checkpoint, options.output, options.credit)
    count = sum(p.numel() for p in generator.parameters()) / 1e6
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {count:.1f} M parameters, {size:.1f} MB")


def _summarise(output: Path, report: "Report") -> None:
    total = report.seconds["total"]
    stages = ", ".join(f"{k} {v:.1f}" for k, v in report.seconds.items() if k != "total")
    print(
        f"{output}: {report.frames} frames, {report.frames_with_face} with a face, "
        f"in {total:.1f} s ({report.frames / total:.1f} fps; {stages})"
    )


def _check_writable(path: Path, *taken: Path) -> None:
    """Refuse a place that cannot be written, or that another file of this call has."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{path}: cannot be written there; choose a folder that can be written")
    if path.resolve() in {other.resolve() for other in taken}:
        raise InputError(f"{path} is given twice; give each file a name of its own")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content, indent=2) + "\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    sys.exit(main())
