"""However a command is told to end, it ends alike."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM, by which systems and schedulers end a process, do what Ctrl-C does.

    By itself it would end this process only, at once: what it began would run on, and files that
    it writes beside their place would stay there.
    """
    if threading.current_thread() is not threading.main_thread():  # no other one may set a handler
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
