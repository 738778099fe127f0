"""Which backend looks for faces, and which of those it finds is the one that is to speak."""

import os
from collections.abc import Iterable, Iterator

from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.tracker import F, Face, FaceTracker, FixedBox

BACKENDS = ("builtin", "insightface", "auto")
"""Names that `tracker_named` knows."""


def tracker_named(name: str) -> FaceTracker:
    """The tracker of that name.

    Args:
        name: `builtin`; `insightface`; or `auto`, which is insightface where it and its models are
            there already, else builtin.

    Raises:
        InputError: for another name, or if insightface or its models are not there.
    """
    if name not in BACKENDS:
        raise InputError(f"faces {name!r} is unknown; expected {', '.join(BACKENDS)}")
    if name == "builtin":
        return BuiltinTracker()
    from avfuse.faces.insightface import InsightFaceTracker, available

    if name == "auto" and not available():
        return BuiltinTracker()
    return InsightFaceTracker(embed=False)


class OneFace:
    """Follows one of a video's faces.

    The face that is chosen is kept while its track lasts, whoever joins it. Then, and after a cut,
    the choice is made again.

    Args:
        tracker: of all faces.
        index: which, in order of their tracks: 0 is the largest when it begins.

    Attributes:
        seen: how many faces a frame has shown at most, as far as it is needed to choose.
        found: whether any frame has shown the face.

    Raises:
        InputError: the index is negative.
    """

    def __init__(self, tracker: FaceTracker, index: int = 0) -> None:
        if index < 0:
            raise InputError(f"face index {index} is negative; 0 is the largest face")
        self.seen, self.found = 0, False
        self._tracker, self._index = tracker, index

    def track(self, frames: Iterable[F]) -> Iterator[tuple[F, Face | None]]:
        """Give every frame back, in order, with the face or None where it is not seen."""
        followed = None
        for frame, faces in self._tracker.track(frames, self._index + 1):
            chosen = next((face for face in faces if face.track == followed), None)
            if chosen is None and len(faces) > self._index:
                chosen = faces[self._index]
            self.seen = max(self.seen, len(faces))
            if chosen is not None:
                self.found, followed = True, chosen.track
            yield frame, chosen

    def check_found(self, path: str | os.PathLike[str]) -> None:
        """Refuse a video whose frames have not shown the face.

        Args:
            path: of the video, for the message.

        Raises:
            InputError: so far, no frame has.
        """
        if self.found:
            return
        if not self.seen:
            raise InputError(
                f"{path}: no face found; give a video or photo that shows one from the front, or "
                f"say where it is with --box X0,Y0,X1,Y1"
            )
        known = "0" if self.seen == 1 else f"0 to {self.seen - 1}"
        raise InputError(
            f"{path}: has no face {self._index}, at most {self.seen} seen at a time; "
            f"give --face-index {known}"
        )


def one_face(
    faces: str = "builtin", index: int = 0, box: tuple[float, float, float, float] | None = None
) -> OneFace:
    """What follows the face that is to speak.

    Args:
        faces: a backend, as of `tracker_named`.
        index: which face, as of `OneFace`.
        box: x0, y0, x1, y1 around it in pixels, in every frame; nothing is searched then.

    Raises:
        InputError: as `tracker_named`, `OneFace` and `FixedBox`; or both box and index are given.
    """
    if box is None:
        return OneFace(tracker_named(faces), index)
    if index:
        raise InputError(f"both a box and face index {index} are given; give one of them")
    return OneFace(FixedBox(box))
