"""`avfuse bench`."""

import argparse
from pathlib import Path

from avfuse.cli.files import check_writable, write_json
from avfuse.cli.flags import add_device
from avfuse.files.whole import write_whole

HELP = "measure this machine: a model, and every method beside Wav2Lip"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse bench`."""
    parser.add_argument("--model", default="default", metavar="NAME|PATH", help="see avfuse models")
    add_device(parser)
    parser.add_argument("--face", type=Path, metavar="FILE", help="video (default: procedural)")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="sound (default: procedural)")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw them")
    parser.add_argument("--quick", action="store_true", help="only see whether all of it runs")
    parser.add_argument("--quiet", action="store_true", help="no progress bars, no tables")


def run(options: argparse.Namespace) -> None:
    """Measure, and print the tables."""
    from avfuse.bench.report import plot, tables
    from avfuse.bench.run import bench
    from avfuse.model_file import load
    from avfuse.runtime.device import device_named

    for path in filter(None, (options.json, options.plot)):
        check_writable(path, *filter(None, (options.face, options.audio)))
    method = load(options.model, device_named(options.device))
    measured = bench(
        method, face=options.face, audio=options.audio, quick=options.quick, quiet=options.quiet
    )
    if options.json is not None:
        write_json(options.json, measured.as_json())
    if options.plot is not None:
        write_whole(options.plot, plot(measured.networks))
    if not options.quiet:
        print(tables(measured))
