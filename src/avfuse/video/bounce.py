"""A video's frames forth and back for ever: as much picture as the sound needs."""

import zlib
from array import array
from collections.abc import Iterator
from itertools import count, islice

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avfuse.video.media import FilePath, decode_video, open_media, video_stream
from avfuse.video.read import TimedFrame, converter, frames, probe, timed

CHUNK = 32
"""Frames that are held at most while running backward (undecoded to RGB: half its memory)."""

_STEPS_BACK = 0.0, 1.0, 5.0  # seconds before a frame at which a seek for it is tried
_MISSING = -(2**63)


def forth_and_back(path: FilePath, exact: bool = False) -> Iterator[TimedFrame]:
    """The video forward, backward, forward and so on without end.

    The frames at which it turns are not doubled, and the intervals between frames are the
    source's own, mirrored while it runs backward. Memory does not grow but by 20 bytes a frame.
    A photo, or a video of one frame, repeats.

    Args:
        path: of a video or photo (shown 25 times a second).
        exact: as in [`frames`][avfuse.video.read.frames].

    Yields:
        Frames with strictly increasing times; the first is at 0.

    Raises:
        InputError: as [`frames`][avfuse.video.read.frames].
    """
    index = _Index()
    with open_media(path) as container:
        stream = video_stream(container, path)
        convert = converter(stream, exact)
        for frame, time in timed(path, container, stream):
            index.add(frame, time)
            yield TimedFrame(convert(frame), time)
    if len(index) == 1:
        yield from _repeat(path)
    length = index.times[-1]
    for turn in count(1):
        start = turn * length
        if turn % 2:
            for image, time in _backward(path, index, exact):
                yield TimedFrame(image, start + (length - time))
        else:
            for image, time in islice(frames(path, exact), 1, None):
                yield TimedFrame(image, start + time)


class _Index:
    """What the first pass learns of each frame, in 20 bytes: where, when, and its checksum."""

    def __init__(self) -> None:
        self.stamps = array("q")
        self.times = array("d")
        self.marks = array("I")
        self.seekable = True

    def __len__(self) -> int:
        return len(self.times)

    def add(self, frame: VideoFrame, time: float) -> None:
        stamp = _MISSING if frame.pts is None else frame.pts
        # Frames are found again by their stamps, so these have to be there and to increase.
        if stamp == _MISSING or (self.stamps and stamp <= self.stamps[-1]):
            self.seekable = False
        self.stamps.append(stamp)
        self.times.append(time)
        self.marks.append(_mark(frame))


def _repeat(path: FilePath) -> Iterator[TimedFrame]:
    """The one frame again and again, from the second time on; each its own copy."""
    fps = probe(path).fps
    image = next(frames(path, exact=True)).image
    for i in count(1):
        yield TimedFrame(image.copy(), i / fps)


def _backward(path: FilePath, index: _Index, exact: bool) -> Iterator[TimedFrame]:
    """All frames but the last, last first, with their forward times."""
    with open_media(path) as container:
        stream = video_stream(container, path)
        convert = converter(stream, exact)
        for stop in range(len(index) - 1, 0, -CHUNK):
            first = max(0, stop - CHUNK)
            chunk = _chunk(path, container, stream, index, first, stop)
            while chunk:
                frame = chunk.pop()
                yield TimedFrame(convert(frame), index.times[first + len(chunk)])


def _chunk(
    path: FilePath,
    container: InputContainer,
    stream: VideoStream,
    index: _Index,
    first: int,
    stop: int,
) -> list[VideoFrame]:
    """Frames first to stop - 1: by seeking where that gives the very same, else from the start."""
    if index.seekable:
        for back in _STEPS_BACK:
            chunk = _seek(container, stream, index, first, stop, back)
            if chunk is not None:
                return chunk
        index.seekable = False
    with open_media(path) as again:
        return list(islice(decode_video(again, video_stream(again, path)), first, stop))


def _seek(
    container: InputContainer,
    stream: VideoStream,
    index: _Index,
    first: int,
    stop: int,
    back: float,
) -> list[VideoFrame] | None:
    """Frames first to stop - 1 from the key frame before; None if they are not the same frames."""
    assert stream.time_base is not None
    target = index.stamps[first] - round(back / stream.time_base)
    chunk: list[VideoFrame] = []
    try:
        container.seek(target, stream=stream)
        for frame in decode_video(container, stream):
            position = first + len(chunk)
            if frame.pts is None or frame.pts > index.stamps[position]:
                return None  # landed behind it
            if frame.pts < index.stamps[position]:
                continue
            if _mark(frame) != index.marks[position]:
                return None  # decoded without the frames that it builds on
            chunk.append(frame)
            if position + 1 == stop:
                return chunk
    except av.FFmpegError:
        pass
    return None


def _mark(frame: VideoFrame) -> int:
    """A checksum of every eighth row of brightness; a block decoded wrongly touches one."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, abs(plane.line_size))
    return zlib.crc32(rows[::8, : frame.width].tobytes())
