"""`avfuse generate`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from avfuse.cli.files import check_writable, write_json
from avfuse.cli.flags import add_device, add_faces, add_options, read_options

if TYPE_CHECKING:
    from avfuse.speaking.generate import Report

HELP = "make the face of a video or photo speak"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse generate`."""
    parser.add_argument(
        "--face", type=Path, metavar="FILE", help="video or photo, unless the model has a face"
    )
    parser.add_argument("--audio", type=Path, required=True, metavar="FILE", help="any sound")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="video, .mp4")
    parser.add_argument("--model", default="default", metavar="NAME|PATH", help="see avfuse models")
    add_options(parser)
    add_device(parser)
    parser.add_argument(
        "--runner",
        default="auto",
        metavar="NAME",
        help="auto, eager, fast-cpu, compiled, onnx or cuda-graph (default: auto)",
    )
    add_faces(parser)
    parser.add_argument(
        "--face-index",
        type=int,
        default=0,
        metavar="N",
        help="which face (default: 0, the largest)",
    )
    parser.add_argument("--box", metavar="X0,Y0,X1,Y1", help="where the face is, in pixels")
    parser.add_argument(
        "--mouth-only", action="store_true", help="change nothing outside mouth and chin"
    )
    parser.add_argument(
        "--blend",
        choices=("direct", "poisson"),
        default="direct",
        help="how the mouth is laid into the frame; poisson fits its colours (default: direct)",
    )
    parser.add_argument(
        "--retime",
        action="store_true",
        help="choose the footage's frames by the sound: the head rests in pauses",
    )
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def run(options: argparse.Namespace) -> None:
    """Make the face speak."""
    from dataclasses import asdict

    from avfuse.faces.tracker import FixedBox
    from avfuse.speaking.generate import generate

    box = None if options.box is None else FixedBox.parse(options.box).box
    if options.report is not None:
        taken = filter(None, (options.face, options.audio, options.output))
        check_writable(options.report, *taken)
    report = generate(
        options.face,
        options.audio,
        options.output,
        model=options.model,
        options=read_options(options.options),
        device=options.device,
        runner=options.runner,
        faces=options.faces,
        face_index=options.face_index,
        box=box,
        mouth_only=options.mouth_only,
        blending=options.blend,
        retime=options.retime,
        quiet=options.quiet,
    )
    if options.report is not None:
        write_json(options.report, asdict(report))
    if not options.quiet:
        print(_summary(options.output, report))


def _summary(output: Path, report: "Report") -> str:
    from avfuse.faces.gaps import in_words

    total = report.seconds["total"]
    stages = ", ".join(f"{k} {v:.1f}" for k, v in report.seconds.items() if k != "total")
    seen = in_words(report.frames, report.frames_with_face, report.without_face)
    return f"{output}: {seen}, in {total:.1f} s ({report.frames / total:.1f} fps; {stages})"
