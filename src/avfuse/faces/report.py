"""What a tracker sees in a file, frame by frame: as JSON, and drawn over the picture."""

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from avfuse.errors import InputError
from avfuse.faces.choose import OneFace, tracker_named
from avfuse.faces.dense_tracker import DenseTracker
from avfuse.faces.gaps import Gaps
from avfuse.faces.overlay import overlay_file
from avfuse.faces.tracker import Face
from avfuse.geometry.pose import fit_pose
from avfuse.video.media import FilePath
from avfuse.video.read import TimedFrame, frames, probe

MOST = 16
"""Faces that are followed at a time."""


class FacesFound(NamedTuple):
    """What was seen.

    Attributes:
        frames: frames read.
        frames_with_face: frames with a face, or with the one that was asked for.
        without_face: start and end, in seconds, of each stretch of the others.
        tracks: how many tracks there were.
    """

    frames: int
    frames_with_face: int
    without_face: list[tuple[float, float]]
    tracks: int


def report_faces(
    path: FilePath,
    *,
    output: FilePath | None = None,
    json_file: FilePath | None = None,
    faces: str = "builtin",
    face_index: int | None = None,
    mesh: bool = False,
    quiet: bool = False,
) -> FacesFound:
    """Track the faces of a video or photo, and write what was seen. Memory does not grow.

    Args:
        path: of a video or photo.
        output: overlay to write, as `overlay_file` says; None writes none.
        json_file: JSON to write, as `faces_file` says; None writes none.
        faces: what looks for faces, as of `tracker_named`.
        face_index: the only one to be followed, as of `OneFace`; None follows all, 16 at a time.
        mesh: read the dense points too, and draw their wireframe in place of the landmarks.
        quiet: no progress bar.

    Returns:
        A summary; a file that shows nobody is no error.

    Raises:
        InputError: for input that cannot be used, or that has faces but none of this index.
    """
    info = probe(path)
    tracker = DenseTracker(tracker_named(faces)) if mesh else tracker_named(faces)
    one = None if face_index is None else OneFace(tracker, face_index)
    tracked = tracker.track(frames(path), MOST) if one is None else _alone(one, path)
    count = with_face = 0
    tracks, gaps = set[int](), Gaps()
    with ExitStack() as stack:
        writers: list[Callable[[TimedFrame, tuple[Face, ...]], None]] = []
        if json_file is not None:
            writers.append(stack.enter_context(faces_file(json_file, info.fps)))
        if output is not None:
            writers.append(stack.enter_context(overlay_file(output, path, info)))
        # None: shown on a terminal only, so that logs stay clean
        bar = tqdm(tracked, "looking", info.frames, unit="frame", disable=quiet or None)
        for frame, found in bar:
            for write in writers:
                write(frame, found)
            count, with_face = count + 1, with_face + bool(found)
            tracks.update(face.track for face in found)
            gaps.add(frame.time, has_face=bool(found))
        if one is not None and one.seen:
            one.check_found(path)
    return FacesFound(count, with_face, gaps.spans(frame.time + 1 / info.fps), len(tracks))


def _alone(one: OneFace, path: FilePath) -> Iterator[tuple[TimedFrame, tuple[Face, ...]]]:
    for frame, face in one.track(frames(path)):
        yield frame, () if face is None else (face,)


@contextmanager
def faces_file(
    path: FilePath, fps: float
) -> Iterator[Callable[[TimedFrame, Iterable[Face]], None]]:
    """Open a JSON file of faces: `{"fps": …, "frames": [{"time": …, "faces": […]}, …]}`.

    A face has `track`, `box` [x0, y0, x1, y1], `landmarks` [[x, y], …] (68, or null where a backend
    reads none), `confidence`, and `pose` (null without landmarks): `rotation` (3 x 3), `yaw`,
    `pitch` and `roll` in degrees, `translation` [x, y] and `scale`, as of
    [`HeadPose`][avfuse.geometry.pose.HeadPose]. Where dense points were read, `mesh` is there too,
    [[x, y, depth], …] (468). Pixels of the upright frame; times in seconds.

    Args:
        path: to write.
        fps: frames a second.

    Yields:
        What takes each frame with its faces. The file appears when the block ends without an
        exception.

    Raises:
        InputError: the path cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("w") as file:
            file.write(f'{{"fps": {json.dumps(fps)}, "frames": [')
            separator = "\n"

            def write(frame: TimedFrame, faces: Iterable[Face]) -> None:
                nonlocal separator
                seen = {"time": round(frame.time, 6), "faces": [_as_json(face) for face in faces]}
                file.write(separator + json.dumps(seen))
                separator = ",\n"

            yield write
            file.write("\n]}\n")
        part.replace(target)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


def _as_json(face: Face) -> dict[str, Any]:
    points = face.landmarks
    mesh = {} if face.mesh is None else {"mesh": _rounded(face.mesh)}
    return {
        "track": face.track,
        "box": [round(float(edge), 2) for edge in face.box],
        "landmarks": None if points is None else _rounded(points),
        "confidence": round(face.confidence, 4),
        "pose": None if points is None else _pose(points),
        **mesh,
    }


def _rounded(points: Float[np.ndarray, "P C"]) -> list[list[float]]:
    return points.astype(float).round(2).tolist()


def _pose(landmarks: Float[np.ndarray, "68 2"]) -> dict[str, Any]:
    pose = fit_pose(landmarks)
    return {
        "rotation": pose.rotation.round(6).tolist(),
        "yaw": round(pose.yaw, 2),
        "pitch": round(pose.pitch, 2),
        "roll": round(pose.roll, 2),
        "translation": pose.translation.round(2).tolist(),
        "scale": round(pose.scale, 3),
    }
