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
from avfuse.whole import write_whole

if TYPE_CHECKING:
    from avfuse.pipeline import Report

TRAINING = ("fit", "validate", "test")
"""Verbs that Lightning's command line answers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `avfuse`.

    Args:
        arguments: words after the program's name; None takes the process's.

    Returns:
        0, or 1 where a part of the input was skipped, 2 for input that cannot be used, 130 when
        interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words and words[0] in TRAINING:
            from avfuse.training import run

            run(words)
            return 0
        if words[:2] == ["faces", "install"]:  # one verb; a file of that name is ./install
            words[:2] = ["faces install"]
        options = _parser().parse_args(words)
        code: int = options.run(options) or 0
    except InputError as error:
        print(f"avfuse: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("avfuse: interrupted; no file was left half written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "avfuse", description="Make a face video or photo speak the words of a recording."
    )
    parser.add_argument("--version", action="version", version=f"avfuse {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_generate(verbs)
    _add_faces(verbs)
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
    _add_bench(verbs)
    _add_ablate(verbs)
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
    generate.add_argument(
        "--runner",
        default="auto",
        metavar="NAME",
        help="auto, eager, fast-cpu, compiled, onnx or cuda-graph (default: auto)",
    )
    _add_faces_choice(generate)
    generate.add_argument(
        "--face-index",
        type=int,
        default=0,
        metavar="N",
        help="which face (default: 0, the largest)",
    )
    generate.add_argument("--box", metavar="X0,Y0,X1,Y1", help="where the face is, in pixels")
    generate.add_argument(
        "--mouth-only", action="store_true", help="change nothing outside mouth and chin"
    )
    generate.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done")
    generate.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    generate.set_defaults(run=_generate)


def _add_faces(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    faces = verbs.add_parser("faces", help="show which faces are seen in a video or photo")
    faces.add_argument("file", type=Path, metavar="FILE", help="video or photo")
    faces.add_argument("--output", type=Path, metavar="FILE", help="the same, faces drawn; .mp4")
    faces.add_argument(
        "--json", type=Path, metavar="FILE.json", help="boxes, landmarks and poses of each frame"
    )
    _add_faces_choice(faces)
    faces.add_argument(
        "--face-index", type=int, metavar="N", help="only this one; 0 is the largest (default: all)"
    )
    faces.add_argument("--quiet", action="store_true", help="no progress bar, no summary")
    faces.set_defaults(run=_faces)
    install = verbs.add_parser(
        "faces install", help="download insightface's models, for non-commercial research only"
    )
    install.add_argument(
        "--pack", default="buffalo_l", metavar="NAME", help="which models (default: buffalo_l)"
    )
    install.add_argument(
        "--root", type=Path, metavar="DIR", help="they go to DIR/models (default: ~/.insightface)"
    )
    install.add_argument("--quiet", action="store_true", help="no progress bar, no licence")
    install.set_defaults(run=_faces_install)


def _add_faces_choice(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--faces",
        choices=("builtin", "insightface", "auto"),
        default="builtin",
        help="what looks for faces (default: builtin)",
    )


def _add_evaluate(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = verbs.add_parser("evaluate", help="score a model, or any system's videos")
    evaluate.add_argument("--clips", type=Path, metavar="DIR", help="of videos; scores a model")
    evaluate.add_argument("--model", default="default", metavar="NAME|PATH")
    evaluate.add_argument(
        "--protocol",
        choices=("first-frame", "dubbing"),
        default="first-frame",
        help="what the model is given (default: first-frame)",
    )
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
        default=0,
        metavar="N",
        help="every Nth clip of the others was too; without both, all clips are scored",
    )
    evaluate.add_argument("--generated", type=Path, metavar="DIR", help="of any system's videos")
    evaluate.add_argument("--reference", type=Path, metavar="DIR", help="of the true ones")
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    evaluate.add_argument("--output", type=Path, required=True, metavar="FILE.json")
    evaluate.add_argument("--report", type=Path, metavar="FILE.html", help="tables, plots, clips")
    evaluate.add_argument("--sheet", type=Path, metavar="FILE.jpg", help="frames, side by side")
    evaluate.add_argument("--quiet", action="store_true", help="no progress bar, no table")
    evaluate.set_defaults(run=_evaluate)


def _add_bench(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    bench = verbs.add_parser("bench", help="measure this machine, beside Wav2Lip's generator")
    bench.add_argument("--model", default="default", metavar="NAME|PATH", help="see avfuse models")
    bench.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    bench.add_argument("--face", type=Path, metavar="FILE", help="video (default: procedural)")
    bench.add_argument("--audio", type=Path, metavar="FILE", help="sound (default: procedural)")
    bench.add_argument("--json", type=Path, metavar="FILE.json", help="write the figures")
    bench.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw them")
    bench.add_argument("--quick", action="store_true", help="only see whether all of it runs")
    bench.add_argument("--quiet", action="store_true", help="no progress bars, no tables")
    bench.set_defaults(run=_bench)


def _add_ablate(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    ablate = verbs.add_parser("ablate", help="train and test variants of a recipe, side by side")
    ablate.add_argument(
        "--config", type=Path, required=True, metavar="FILE.yaml", help="see recipes/ablations"
    )
    ablate.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="results, report, every cell"
    )
    ablate.add_argument(
        "--jobs", type=int, metavar="N", help="cells at a time (default: by this machine's cores)"
    )
    ablate.add_argument("--quiet", action="store_true", help="no progress bar, no tables")
    ablate.set_defaults(run=_ablate)


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
        runner=options.runner,
        faces=options.faces,
        face_index=options.face_index,
        box=box,
        mouth_only=options.mouth_only,
        quiet=options.quiet,
    )
    if options.report is not None:
        _write_json(options.report, asdict(report))
    if not options.quiet:
        _summarise(options.output, report)


def _faces(options: argparse.Namespace) -> None:
    from avfuse.faces.gaps import in_words
    from avfuse.faces.report import report_faces

    files = [path for path in (options.output, options.json) if path is not None]
    if not files:
        raise InputError("nothing to write; give --output FILE.mp4, --json FILE.json, or both")
    for i, path in enumerate(files):
        _check_writable(path, options.file, *files[:i])
    found = report_faces(
        options.file,
        output=options.output,
        json_file=options.json,
        faces=options.faces,
        face_index=options.face_index,
        quiet=options.quiet,
    )
    if not found.tracks:
        print(f"avfuse: {options.file}: no face found", file=sys.stderr)
    if not options.quiet:
        seen = in_words(found.frames, found.frames_with_face, found.without_face)
        print(f"{', '.join(map(str, files))}: {seen}, tracks: {found.tracks}")


def _faces_install(options: argparse.Namespace) -> None:
    from avfuse.faces.install import install

    folder = install(options.pack, options.root, quiet=options.quiet)
    if not options.quiet:
        print(folder)


def _demo(options: argparse.Namespace) -> None:
    from avfuse.demo import demo

    for path in demo(options.directory, seed=options.seed, quiet=options.quiet):
        if not options.quiet:
            print(path)


def _evaluate(options: argparse.Namespace) -> int:
    from avfuse.evaluation.evaluate import evaluate_folders, evaluate_model
    from avfuse.evaluation.table import tables

    files = [f for f in (options.output, options.report, options.sheet) if f is not None]
    for i, path in enumerate(files):
        _check_writable(path, *files[:i])
    common = {name: getattr(options, name) for name in ("device", "report", "sheet", "quiet")}
    folders = [f for f in (options.generated, options.reference) if f is not None]
    if options.clips is not None and not folders:
        metrics = evaluate_model(
            options.clips,
            options.output,
            model=options.model,
            protocol=options.protocol,
            labels=options.labels,
            cache=options.cache,
            unseen=[name for name in options.unseen.split(",") if name],
            held_back=options.held_back,
            **common,
        )
    elif options.clips is None and len(folders) == 2:
        metrics = evaluate_folders(folders[0], folders[1], options.output, **common)
    else:
        raise InputError("give either --clips DIR, or --generated DIR and --reference DIR")
    if not options.quiet:
        print(tables(metrics["rows"]))
    return 1 if metrics["skipped"] else 0


def _bench(options: argparse.Namespace) -> None:
    from avfuse.bench.report import plot, tables
    from avfuse.bench.run import bench
    from avfuse.model_file import load
    from avfuse.runtime.device import device_named

    for path in filter(None, (options.json, options.plot)):
        _check_writable(path, *filter(None, (options.face, options.audio)))
    network = load(options.model, device_named(options.device))
    measured = bench(
        network, face=options.face, audio=options.audio, quick=options.quick, quiet=options.quiet
    )
    if options.json is not None:
        _write_json(options.json, measured.as_json())
    if options.plot is not None:
        write_whole(options.plot, plot(measured.networks))
    if not options.quiet:
        print(tables(measured))


def _ablate(options: argparse.Namespace) -> int:
    from avfuse.ablation.ablate import ablate
    from avfuse.ablation.table import tables

    summary = ablate(options.config, options.output, jobs=options.jobs, quiet=options.quiet)
    if not options.quiet:
        print(tables(summary))
        print(options.output / "report.html")
    return 1 if summary["failed"] else 0


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
    from avfuse.faces.gaps import in_words

    total = report.seconds["total"]
    stages = ", ".join(f"{k} {v:.1f}" for k, v in report.seconds.items() if k != "total")
    seen = in_words(report.frames, report.frames_with_face, report.without_face)
    print(f"{output}: {seen}, in {total:.1f} s ({report.frames / total:.1f} fps; {stages})")


def _check_writable(path: Path, *taken: Path) -> None:
    """Refuse a place that cannot be written, or that another file of this call has."""
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"{path}: cannot be written there; choose a folder that can be written")
    if path.resolve() in {other.resolve() for other in taken}:
        raise InputError(f"{path} is given twice; give each file a name of its own")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
