"""One process at a time in a folder."""

import contextlib
import logging
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from avfuse.errors import InputError

_log = logging.getLogger(__name__)

if sys.platform == "win32":
    import msvcrt

    def _take(file: TextIO) -> None:
        os.lseek(file.fileno(), 1 << 20, os.SEEK_SET)  # what is locked there, nobody can read
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: TextIO) -> None:
        # Not flock: processes forked from this one would hold it too.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder.

    The system lets go of it when this process ends, however it does; the file `.lock`, which says
    who works there, may stay. A drive that has no locks is worked on without, with a warning.

    Args:
        folder: made if it is not there.

    Raises:
        InputError: if another process works there, or nothing can be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    with file:
        try:
            _take(file)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            raise InputError(
                f"{folder} is in use by {file.read()}; wait for it, or give another --output"
            ) from error
        except OSError as error:  # NFS without lockd, Lustre mounted without flock
            _log.warning(
                "%s cannot be locked (%s); see that no two ablations use it", folder, error.strerror
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
        yield
