"""A video's or photo's frames: upright RGB with their times, one pass, one frame at a time."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from avfuse.errors import InputError
from avfuse.geometry.box import Frame
from avfuse.video.colour import RgbConverter
from avfuse.video.media import (
    FilePath,
    check_complete,
    check_reached,
    declared_end,
    decode_video,
    open_media,
    seconds,
    video_stream,
)

PHOTO_FPS = 25.0
"""Frames a second at which a photo is shown."""


class TimedFrame(NamedTuple):
    """One frame and when it is shown.

    Attributes:
        image: upright RGB.
        time: seconds since the first frame.
    """

    image: Frame
    time: float


class VideoInfo(NamedTuple):
    """What a video is, before it is read.

    Attributes:
        width: of the upright frame, in pixels.
        height: of the upright frame, in pixels.
        fps: average frames a second; 25 for a photo.
        duration: seconds, as the file says; one frame for a photo.
        frames: how many there are, as the file says or by duration and fps.
        is_photo: whether it is a still picture.
        aspect: how wide a pixel is shown, in heights of it; 1 for a photo.
        primaries: of its colours, as ITU-T H.273 numbers them; 2 for a photo, or if nobody says.
        transfer: the same of their transfer characteristics.
    """

    width: int
    height: int
    fps: float
    duration: float
    frames: int
    is_photo: bool
    aspect: Fraction
    primaries: int
    transfer: int


def probe(path: FilePath) -> VideoInfo:
    """Look at a video or photo without reading it through (one frame is decoded).

    Raises:
        InputError: if it is missing, damaged, cut short, or has no picture.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        check_complete(path, stream)
        photo = _is_photo(stream)
        fps = PHOTO_FPS if photo else frame_rate(stream)
        duration = 1 / fps if photo else _duration(path, container, stream, fps)
        frame = next(_decode(path, container, stream), None)
        if frame is None:
            raise InputError(f"{path}: no frame of it can be decoded; check it in a player")
        turned = round(frame.rotation / 90) % 2 == 1
        width, height = (frame.height, frame.width) if turned else (frame.width, frame.height)
        count = 1 if photo else stream.frames or max(1, round(duration * fps))
        # What programs write there for photos is dots an inch, and nobody shows it.
        aspect = (not photo and stream.sample_aspect_ratio) or Fraction(1)
        return VideoInfo(
            width,
            height,
            fps,
            duration,
            count,
            photo,
            1 / aspect if turned else aspect,
            2 if photo else frame.color_primaries,
            2 if photo else frame.color_trc,
        )


def frames(path: FilePath, exact: bool = False) -> Iterator[TimedFrame]:
    """Read a video once, from the first frame to the last; a photo is one frame.

    Variable frame rates are kept. Times that are missing or run backward are repaired.

    Args:
        path: of a video or photo.
        exact: round colours correctly, rather than fast and up to 2 levels too dark (photos are
            always exact).

    Yields:
        Frames with strictly increasing times; the first is at 0.

    Raises:
        InputError: as `probe`, and if the file ends long before it says.
    """
    with open_media(path) as container:
        stream = video_stream(container, path)
        convert = converter(stream, exact)
        for frame, time in timed(path, container, stream):
            yield TimedFrame(convert(frame), time)


def converter(stream: VideoStream, exact: bool) -> RgbConverter:
    """The way to RGB for this file: still pictures are exact, and BT.601 whatever their size."""
    photo = _is_photo(stream)
    return RgbConverter(exact or photo, Colorspace.ITU601 if photo else None)


def timed(
    path: FilePath, container: InputContainer, stream: VideoStream
) -> Iterator[tuple[VideoFrame, float]]:
    """Decoded frames with their repaired times in seconds, the first at 0.

    Raises:
        InputError: if nothing can be decoded, or the file ends long before it says.
    """
    check_complete(path, stream)
    fps = frame_rate(stream)
    clock = Clock(1 / fps)
    last = None
    for frame in _decode(path, container, stream):
        last = seconds(frame.pts, frame.time_base)
        yield frame, clock.tick(last)
    if clock.ticks == 0:
        raise InputError(f"{path}: no frame of it can be decoded; check it in a player")
    if last is not None and not _is_photo(stream):
        check_reached(path, last + 1 / fps, declared_end(stream))


class Clock:
    """Turns a file's timestamps into strictly increasing times that start at 0.

    - A missing stamp follows the frame before by one interval.
    - A stamp that does not increase is put half an interval on, so that the next good one is kept
      and nothing drifts; whole intervals when several follow each other.
    - A clock that jumps back by more than a second was reset: it goes on from there.

    Args:
        interval: usual seconds between frames.
    """

    def __init__(self, interval: float) -> None:
        self.ticks = 0
        self._interval = interval
        self._shift = 0.0
        self._last = 0.0
        self._repaired = False

    def tick(self, stamp: float | None) -> float:
        """The next frame's time, from its stamp in seconds on the file's clock."""
        time = self._next(stamp)
        self._last = time
        self.ticks += 1
        return time

    def _next(self, stamp: float | None) -> float:
        if self.ticks == 0:
            self._shift = -(stamp or 0.0)
            return 0.0
        following = self._last + self._interval
        if stamp is None:
            return following
        time = stamp + self._shift
        if time < self._last - 1:
            self._shift = following - stamp
            return following
        repaired, self._repaired = self._repaired, time <= self._last
        if not self._repaired:
            return time
        return following if repaired else self._last + self._interval / 2


def frame_rate(stream: VideoStream) -> float:
    """Average frames a second; 25 where the file says nothing credible."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate is not None and 0 < rate <= 480:
            return float(rate)
    return 25.0


def _is_photo(stream: VideoStream) -> bool:
    name = stream.container.format.name
    # HEIC, AVIF and GIF hold films too. One frame of a film lasts; in a GIF, that means nothing.
    still = stream.frames == 1 and (name == "gif" or not stream.duration)
    return still or name == "image2" or name.endswith("_pipe")


def _decode(path: FilePath, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    if not _is_photo(stream):
        return decode_video(container, stream)
    # A photo that is cut short must not pass with half a grey face.
    stream.codec_context.options = {"err_detect": "explode"}
    return _decode_photo(path, container, stream)


def _decode_photo(
    path: FilePath, container: InputContainer, stream: VideoStream
) -> Iterator[VideoFrame]:
    try:
        yield from container.decode(stream)
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: the photo is damaged, cut short or of a rare kind ({error.strerror}); "
            "save it again as PNG or JPEG"
        ) from error


def _duration(path: FilePath, container: InputContainer, stream: VideoStream, fps: float) -> float:
    known = seconds(stream.duration, stream.time_base) or declared_end(stream)
    if known:
        return known
    if container.duration:
        return container.duration / av.time_base
    with open_media(path) as again:  # raw streams say nothing: count, without decoding
        return sum(1 for p in again.demux(video_stream(again, path)) if p.size) / fps
