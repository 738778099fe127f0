"""Where in a video there is no face."""


class Gaps:
    """Spans of time without a face, collected frame by frame."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []
        self._start: float | None = None

    def add(self, time: float, *, has_face: bool) -> None:
        """Tell of the next frame, shown from `time` (seconds) on."""
        if has_face and self._start is not None:
            self._spans.append((self._start, time))
            self._start = None
        elif not has_face and self._start is None:
            self._start = time

    def spans(self, end: float) -> list[tuple[float, float]]:
        """Start and end of each span in seconds; the last frame is shown until `end`."""
        return self._spans if self._start is None else [*self._spans, (self._start, end)]


def in_words(frames: int, with_face: int, without_face: list[tuple[float, float]]) -> str:
    """How many frames have a face, and where there is none: the first few spans, in seconds."""
    spans = [f"{start:.2f}-{end:.2f} s" for start, end in without_face[:4]]
    if len(without_face) > 4:
        spans.append(f"{len(without_face) - 4} more times")
    none = f" (none at {', '.join(spans)})" if spans else ""
    return f"{frames} frames, {with_face} with a face{none}"
