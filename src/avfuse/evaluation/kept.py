"""Results of single clips, on disk as soon as they are there: a run that was stopped goes on."""

import json
from pathlib import Path
from typing import Any

from avfuse.errors import InputError


class Kept:
    """A file of JSON lines, each with the key of what it is the result of.

    A line that was cut short, and one of another model or protocol, is no result and does no harm.

    Args:
        path: of the file; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._results: dict[str, Any] = {}
        text = path.read_text(errors="replace") if path.exists() else ""
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self._results[record["key"]] = record["result"]
            except (ValueError, KeyError, TypeError):
                continue

    def get(self, key: str) -> Any | None:
        """The result of that key, or None."""
        return self._results.get(key)

    def add(self, key: str, result: Any) -> None:
        """Keep a result.

        Raises:
            InputError: if the file cannot be written.
        """
        line = json.dumps({"key": key, "result": result}, allow_nan=False)
        try:
            with self._path.open("a") as file:
                file.write(f"\n{line}\n")  # in front: a line before it may have been cut short
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({error.strerror})") from error

    def remove(self) -> None:
        """Forget all, once the whole is written."""
        self._path.unlink(missing_ok=True)
