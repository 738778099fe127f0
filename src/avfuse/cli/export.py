"""`avfuse export`."""

import argparse
from pathlib import Path

HELP = "turn a training checkpoint into a model file"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse export`."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("output", type=Path, metavar="OUT", help="the model file, .safetensors")
    parser.add_argument("--credit", default="", help="training data and their licences")


def run(options: argparse.Namespace) -> None:
    """Write the model file, and say how large it is."""
    from avfuse.model_file import export

    generator = export(options.checkpoint, options.output, options.credit)
    count = sum(p.numel() for p in generator.parameters()) / 1e6
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {count:.1f} M parameters, {size:.1f} MB")
