"""`avfuse export`."""

import argparse
from pathlib import Path

from avfuse.cli.files import read_text

HELP = "turn a training checkpoint into a model file"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Say what may follow `avfuse export`."""
    parser.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT", help="or a model file, to give it a card"
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="the model file, .safetensors")
    parser.add_argument("--credit", default="", help="training data and their licences")
    parser.add_argument(
        "--card", type=Path, metavar="FILE.md", help="what people should know of the model"
    )


def run(options: argparse.Namespace) -> None:
    """Write the model file, and say how large it is."""
    from avfuse.model_file import export

    card = "" if options.card is None else read_text(options.card)
    generator = export(options.checkpoint, options.output, options.credit, card)
    count = sum(p.numel() for p in generator.parameters()) / 1e6
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {count:.1f} M parameters, {size:.1f} MB")
