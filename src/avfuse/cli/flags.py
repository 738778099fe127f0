"""Flags that several verbs have."""

import argparse


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Which of the face trackers."""
    parser.add_argument(
        "--faces",
        choices=("builtin", "insightface", "auto"),
        default="builtin",
        help="what looks for faces (default: builtin)",
    )
