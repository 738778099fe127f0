"""Opening media files, and turning what is wrong with them into one clear line."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avfuse.errors import InputError

FilePath = str | os.PathLike[str]
"""Where a file is."""

_COPY_AGAIN = "copy or download it again"
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # of a tag in which anything may stand
_SIXTIES = 3600, 60, 1
_UNKNOWN = 0x7FFF_0000  # bytes; who writes RIFF to a pipe claims about 2 or 4 GiB


@contextmanager
def open_media(path: FilePath) -> Iterator[InputContainer]:
    """Open a media file for reading; whatever libav says against it becomes an `InputError`.

    Args:
        path: of any file that FFmpeg can read.

    Yields:
        The open container; what is decoded from it must not outlive the block.

    Raises:
        InputError: for a missing, empty, truncated, damaged or non-media file.
    """
    _check_file(Path(path))
    try:
        # With the protocol in front, a colon or a percent sign in a name stays part of the name.
        with av.open(f"file:{os.fspath(path)}") as container:
            if not len(container.streams):
                raise InputError(
                    f"{path}: no video or sound could be found in it; the file may be cut short: "
                    f"{_COPY_AGAIN}"
                )
            yield container
    except av.FFmpegError as error:
        raise InputError(
            f"{path}: not a video, photo or sound file that can be read, or a damaged one "
            f"({error.strerror}); check it in a player or {_COPY_AGAIN}"
        ) from error


def video_stream(container: InputContainer, path: FilePath) -> VideoStream:
    """The file's picture, as FFmpeg chooses: the default one, else the largest; no cover.

    Raises:
        InputError: if there is none, its codec is unknown, or it is a photo in tiles.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise InputError(f"{path}: has no picture; give a video or a photo")
    # HEIC by phones: each tile is a stream, and libav leaves it to its caller to join them.
    if any(s.disposition & Disposition.dependent for s in streams):
        raise InputError(
            f"{path}: a photo in tiles (HEIC), which cannot be read; save it as JPEG or PNG"
        )
    stream = max(streams, key=lambda s: (_is_default(s), s.width * s.height))
    if stream.codec_context is None:
        raise InputError(f"{path}: its video codec is unknown; convert it to H.264 first")
    # Measured: libav's threads cost more in hand-over than they give at these sizes.
    stream.thread_type = "NONE"
    return stream


def audio_stream(container: InputContainer, path: FilePath) -> AudioStream:
    """The file's sound, as FFmpeg chooses: the default track, else the one of most channels.

    Raises:
        InputError: if there is none, or its codec is unknown.
    """
    if not container.streams.audio:
        raise InputError(f"{path}: has no sound; give a file with a sound track")
    stream = max(container.streams.audio, key=lambda s: (_is_default(s), s.channels))
    if stream.codec_context is None:
        raise InputError(f"{path}: its audio codec is unknown; convert it to WAV first")
    return stream


def decode_video(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in presentation order; a damaged packet costs its frame only, as in players."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        yield from frames


def decode_audio(container: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """Sound as it was encoded, encoder delay removed; a damaged packet is left out."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        yield from frames


def declared_end(stream: VideoStream | AudioStream) -> float | None:
    """Seconds on the file's clock at which its index says that the stream ends.

    None where a length is only guessed (from bit rates, say) or not given at all.
    """
    name = stream.container.format.name
    if name.startswith(("mov", "avi", "flac")) and stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    if name.startswith("matroska"):
        told = _CLOCK.fullmatch(stream.metadata.get("DURATION", "").rstrip("\0"))
        return (
            None
            if told is None
            else sum(float(n) * s for n, s in zip(told.groups(), _SIXTIES, strict=True))
        )
    return None


def check_reached(path: FilePath, seconds: float, declared: float | None) -> None:
    """Refuse a stream that ended long before its declared end (both in seconds).

    Raises:
        InputError: if more than a tenth and more than a quarter of a second are missing.
    """
    if declared is not None and seconds < min(0.9 * declared, declared - 0.25):
        raise InputError(
            f"{path}: ends after {seconds:.2f} s of {declared:.2f} s, so it was cut short: "
            f"{_COPY_AGAIN}"
        )


def check_complete(path: FilePath, stream: VideoStream | AudioStream) -> None:
    """Refuse a file whose index points beyond its end.

    Raises:
        InputError: if so.
    """
    size = Path(path).stat().st_size
    end = max((entry.pos + entry.size for entry in stream.index_entries[-64:]), default=0)
    with Path(path).open("rb") as file:
        head = file.read(8)
    declared = int.from_bytes(head[4:], "little")
    if head[:4] == b"RIFF" and declared < _UNKNOWN:
        end = max(end, declared + 8)
    if end > size + 1:  # an odd last chunk may lack its padding byte
        raise InputError(f"{path}: has {size} of {end} bytes, so it was cut short: {_COPY_AGAIN}")


def seconds(ticks: int | None, time_base: Fraction | None) -> float | None:
    """A timestamp in seconds, or None where there is none."""
    return None if ticks is None or time_base is None else float(ticks * time_base)


def _is_default(stream: VideoStream | AudioStream) -> bool:
    return bool(stream.disposition & Disposition.default)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give a file")
        if not path.exists():
            raise InputError(f"{path}: no such file; check the path")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty (0 bytes); {_COPY_AGAIN}")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
