"""What a tracker saw, drawn over the frame: boxes, landmarks or mesh, track and confidence."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from avfuse.faces.tracker import Face
from avfuse.geometry.box import Frame
from avfuse.geometry.dense import INNER_LIPS, LEFT_EYE, OUTER_LIPS, OVAL, RIGHT_EYE, edges
from avfuse.video.media import FilePath, open_media
from avfuse.video.picture import write_picture
from avfuse.video.read import TimedFrame, VideoInfo
from avfuse.video.write import VideoWriter

# By number of track: light on any skin, told apart by the colour-blind (Okabe and Ito 2008).
_COLOURS = ((240, 228, 66), (86, 180, 233), (230, 159, 0), (0, 200, 150), (230, 150, 200))
_RINGS = (OVAL, OUTER_LIPS, INNER_LIPS, LEFT_EYE, RIGHT_EYE)
_FAINT = 0.4  # opacity of the wireframe
_DARK = (20, 20, 20)  # around everything, so that it shows on light and dark
_BITS = 4  # fractions of a pixel that cv2 draws with


@contextmanager
def overlay_file(
    path: FilePath, source: FilePath, info: VideoInfo
) -> Iterator[Callable[[TimedFrame, Iterable[Face]], None]]:
    """Open a video of the source with its faces drawn and its sound kept.

    Args:
        path: to write: a video, or of a photo a picture (.png or .jpg) as well.
        source: video or photo that the frames are from.
        info: what it is.

    Yields:
        What takes each frame with its faces. The file appears when the block ends without an
        exception.

    Raises:
        InputError: the path cannot be written, or the sound cannot be read.
    """
    picture = Path(path)
    if info.is_photo and picture.suffix.lower() in {".png", ".jpg"}:
        yield lambda frame, faces: write_picture(picture, draw(frame.image, faces))
        return
    sound = _sound_of(source)
    with VideoWriter(path, info.width, info.height, info.fps, sound, like=info) as writer:
        yield lambda frame, faces: writer.write(draw(frame.image, faces), frame.time)


def _sound_of(path: FilePath) -> FilePath | None:
    with open_media(path) as container:
        return path if container.streams.audio else None


def draw(image: Frame, faces: Iterable[Face]) -> Frame:
    """Draw faces over a copy of the frame; lines and letters grow with it.

    Args:
        image: upright RGB frame.
        faces: in pixels of the frame.
    """
    out = image.copy()
    for face in faces:
        colour = _COLOURS[face.track % len(_COLOURS)]
        _draw_box(out, face, colour)
        if face.mesh is None:
            _draw_landmarks(out, face, colour)
        else:
            _draw_mesh(out, face.mesh, colour)
        _draw_label(out, face, colour)
    return out


def _draw_box(image: Frame, face: Face, colour: tuple[int, int, int]) -> None:
    corners = _fixed(face.box.x0, face.box.y0), _fixed(face.box.x1, face.box.y1)
    width = _unit(image)
    for line, ink in ((2 * width + 1, _DARK), (width, colour)):
        cv2.rectangle(image, *corners, ink, line, cv2.LINE_AA, _BITS)


def _draw_landmarks(image: Frame, face: Face, colour: tuple[int, int, int]) -> None:
    if face.landmarks is None:
        return
    radius = max(face.box.side / 120, 0.8)
    for grown, ink in ((1.6 * radius, _DARK), (radius, colour)):
        for x, y in face.landmarks:
            size = round(grown * 2**_BITS)
            cv2.circle(image, _fixed(x, y), size, ink, cv2.FILLED, cv2.LINE_AA, _BITS)


def _draw_mesh(
    image: Frame, mesh: Float[np.ndarray, "468 3"], colour: tuple[int, int, int]
) -> None:
    """The wireframe, faint, or a small face would vanish behind it; eyes, lips and oval in full."""
    width = max(round(float(np.ptp(mesh[:, 1])) / 250), 1)
    places = (mesh[:, :2] * 2**_BITS).round().astype(np.int32)
    wires = image.copy()
    cv2.polylines(wires, list(places[edges()]), False, colour, 1, cv2.LINE_AA, _BITS)
    cv2.addWeighted(image, 1 - _FAINT, wires, _FAINT, 0, dst=image)
    rings = [places[ring] for ring in _RINGS]
    cv2.polylines(image, rings, True, colour, width, cv2.LINE_AA, _BITS)


def _draw_label(image: Frame, face: Face, colour: tuple[int, int, int]) -> None:
    """Track and confidence on the box's upper edge, within the frame."""
    text, font, size = (
        f"{face.track}  {face.confidence:.2f}",
        cv2.FONT_HERSHEY_SIMPLEX,
        _unit(image),
    )
    scale = min(image.shape[:2]) / 720 + 0.1
    (width, height), below = cv2.getTextSize(text, font, scale, size)
    x = min(max(round(face.box.x0), size), image.shape[1] - width - size)
    y = max(round(face.box.y0) - below, height + size)
    for line, ink in ((3 * size, _DARK), (size, colour)):
        cv2.putText(image, text, (x, y), font, scale, ink, line, cv2.LINE_AA)


def _unit(image: Frame) -> int:
    """A thin line's width."""
    return max(round(min(image.shape[:2]) / 400), 1)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(float(x) * 2**_BITS), round(float(y) * 2**_BITS)
