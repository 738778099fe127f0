"""`avfuse faces`."""

import argparse
import sys
from pathlib import Path

from avfuse.cli.files import check_writable
from avfuse.cli.flags import add_faces
from avfuse.errors import InputError

HELP = "show which faces are seen in a video or photo"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse faces`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="video or photo")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the same, faces drawn; .mp4")
    parser.add_argument(
        "--json", type=Path, metavar="FILE.json", help="boxes, landmarks and poses of each frame"
    )
    parser.add_argument(
        "--mesh", action="store_true", help="468 dense points as well, with depth; drawn as a mesh"
    )
    add_faces(parser)
    parser.add_argument(
        "--face-index", type=int, metavar="N", help="only this one; 0 is the largest (default: all)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no summary")


def run(options: argparse.Namespace) -> None:
    """Look for faces, and write what was seen."""
    from avfuse.faces.gaps import in_words
    from avfuse.faces.report import report_faces

    files = [path for path in (options.output, options.json) if path is not None]
    if not files:
        raise InputError("nothing to write; give --output FILE.mp4, --json FILE.json, or both")
    for i, path in enumerate(files):
        check_writable(path, options.file, *files[:i])
    found = report_faces(
        options.file,
        output=options.output,
        json_file=options.json,
        faces=options.faces,
        face_index=options.face_index,
        mesh=options.mesh,
        quiet=options.quiet,
    )
    if not found.tracks:
        print(f"avfuse: {options.file}: no face found", file=sys.stderr)
    if not options.quiet:
        seen = in_words(found.frames, found.frames_with_face, found.without_face)
        print(f"{', '.join(map(str, files))}: {seen}, tracks: {found.tracks}")
