"""Files that flags name."""

import json
import os
from pathlib import Path
from typing import Any

from avfuse.errors import InputError
from avfuse.files.whole import write_whole


def check_writable(path: Path, *taken: Path) -> None:
    """Refuse a place that cannot be written, or that another file of this call has.

    Raises:
        InputError: saying which.
    """
    folder = path.absolute().parent
    try:
        possible = not path.is_dir() and folder.is_dir() and os.access(folder, os.W_OK)
    except OSError as error:
        raise InputError(f"{path}: no such name is possible ({error.strerror})") from error
    if not possible:
        raise InputError(f"{path}: cannot be written there; choose a folder that can be written")
    if path.resolve() in {other.resolve() for other in taken}:
        raise InputError(f"{path} is given twice; give each file a name of its own")


def read_text(path: Path) -> str:
    """Read a text that a flag names.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a text ({error})") from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write values as JSON, for people to read too; whole or not at all."""
    write_whole(path, json.dumps(content, indent=2) + "\n")
