"""Files that appear whole or not at all."""

import contextlib
import os
from pathlib import Path

from avfuse.errors import InputError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and rename it; until then, what stood there is kept.

    Args:
        path: of the file.
        content: bytes, or text that is written in UTF-8.

    Raises:
        InputError: if it cannot be written.
    """
    # The name may be as long as the system allows; its part's may not be longer.
    part = path.with_name(f".{path.name[:40]}.{os.getpid()}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        reason = f"cannot be written ({error.strerror})"
        raise InputError(f"{path}: {reason}; choose another place") from error
