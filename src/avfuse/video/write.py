"""Frames and sound to H.264 and AAC, beside the target and renamed when complete."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from avfuse.errors import InputError
from avfuse.geometry.box import Frame
from avfuse.video.audio import AudioReader, Samples
from avfuse.video.colour import YuvConverter
from avfuse.video.media import FilePath
from avfuse.video.read import VideoInfo

SUFFIXES = (".mp4", ".mov", ".mkv")
"""File names that can be written."""

_TICKS = 90_000  # a second; fine enough for any frame rate's own times
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_UNSAID = 2  # of a video's primaries or transfer characteristics
_TAGS = {Colorspace.ITU709: 1, Colorspace.ITU601: 6}  # BT.709; SMPTE 170M, which is BT.601


class VideoWriter:
    """Writes frames as they come, and the sound that belongs to them, to one file.

    A context manager: the file appears at `path` only when the block ends without an exception;
    until then, and after one, whatever stood there is kept. Frame times are kept (variable frame
    rate); the sound is cut where the last frame ends. Even frame sizes are kept; an odd side grows
    by one repeated row or column, since 4:2:0 video needs pairs.

    Args:
        path: to write, .mp4, .mov or .mkv.
        width: of the frames, in pixels.
        height: of the frames, in pixels.
        fps: frames a second: how long the last frame is shown, and the encoder's rate.
        audio: any file with sound, or how it is to be read; None for a silent video.
        crf: x264's constant quality, 0 (lossless) to 51.
        preset: x264's speed, ultrafast to veryslow.
        like: the video that the frames are from: pixels are shown as wide, and colours taken for
            as bright and strong as there. None: square pixels, and what their size suggests.

    Raises:
        InputError: if the path cannot be written or the audio cannot be read.
    """

    def __init__(
        self,
        path: FilePath,
        width: int,
        height: int,
        fps: float,
        audio: FilePath | AudioReader | None = None,
        crf: int = 18,
        preset: str = "veryfast",
        like: VideoInfo | None = None,
    ) -> None:
        self.path = Path(path)
        check_output(self.path)
        self.size = width, height
        self.fps = fps
        self._options = {"crf": str(crf), "preset": preset}
        self._aspect = Fraction(1) if like is None else like.aspect
        self._colours = (_UNSAID, _UNSAID) if like is None else (like.primaries, like.transfer)
        if audio is None or isinstance(audio, AudioReader):
            self._sound = audio
        else:
            self._sound = AudioReader(audio)
        # The path's own name may be as long as the system allows.
        self._part = self.path.with_name(
            f".{self.path.stem[:40]}.{secrets.token_hex(4)}{self.path.suffix}"
        )
        self._convert = YuvConverter(width, height)
        self._last_tick = -1
        self._first_dts: int | None = None

    def __enter__(self) -> "VideoWriter":
        """Open the temporary file and its streams."""
        try:
            self._container = self._open()
            self._video = self._add_video(self._container)
            self._audio = None if self._sound is None else _Sound(self._container, self._sound)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, image: Frame, time: float) -> None:
        """Add a frame.

        Args:
            image: RGB, of the size given.
            time: seconds since the first frame; larger than the frame's before.

        Raises:
            ValueError: if size or time do not fit.
            InputError: if the disk refuses.
        """
        if image.shape != (self.size[1], self.size[0], 3):
            raise ValueError(
                f"the frame is {image.shape}; expected {(self.size[1], self.size[0], 3)}"
            )
        tick = round(time * _TICKS)
        if tick <= self._last_tick:
            raise ValueError(
                f"the frame's time {time:.5f} s does not follow {self._last_tick / _TICKS:.5f} s; "
                "give times that increase from 0"
            )
        self._last_tick = tick
        frame = self._convert(image)
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS)
        frame.duration = round(_TICKS / self.fps)
        try:
            packets = self._video.encode(frame)
            if packets and self._first_dts is None:
                self._first_dts = packets[0].dts
            self._container.mux(packets)
            if self._audio is not None:
                self._audio.write_until(time)
        except av.FFmpegError as error:
            raise self._refused(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the file and put it in place, or remove what there is of it."""
        if kind is not None:
            self._discard()
            return
        try:
            self._finish()
            self._part.replace(self.path)
        except (OSError, av.FFmpegError) as refused:
            self._discard()
            raise self._refused(refused) from refused
        except BaseException:
            self._discard()
            raise

    def _finish(self) -> None:
        if self._last_tick < 0:
            raise ValueError("no frame was written; write at least one before the block ends")
        end = self._last_tick + round(_TICKS / self.fps)
        packets = self._video.encode(None)
        if self._first_dts is None and packets:
            self._first_dts = packets[0].dts
        if packets and packets[-1].dts is not None:
            # The container sums decoding times, which lag behind when intervals vary.
            packets[-1].duration = end - (packets[-1].dts - (self._first_dts or 0))
        self._container.mux(packets)
        if self._audio is not None:
            self._audio.write_until(end / _TICKS)
            self._audio.finish()
        self._container.close()

    def _open(self) -> OutputContainer:
        try:
            self._part.touch(exist_ok=False)
        except OSError as error:
            raise self._refused(error) from error
        # The index in front lets players and browsers start before they have the whole file.
        options = {} if self.path.suffix.lower() == ".mkv" else {"movflags": "+faststart"}
        return av.open(f"file:{self._part}", "w", container_options=options)

    def _add_video(self, container: OutputContainer) -> VideoStream:
        rate = Fraction(self.fps).limit_denominator(1001)  # 30000/1001 and its like stay exact
        stream = container.add_stream("libx264", rate=rate, options=self._options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = (side + side % 2 for side in self.size)
        stream.pix_fmt = "yuv420p"
        stream.sample_aspect_ratio = self._aspect
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        context = stream.codec_context
        tag = _TAGS[self._convert.matrix]
        context.colorspace = tag
        context.color_primaries, context.color_trc = (
            tag if said == _UNSAID else said for said in self._colours
        )
        context.color_range = 1  # limited, what every player expects of yuv420p
        return stream

    def _refused(self, error: OSError | av.FFmpegError) -> InputError:
        return InputError(
            f"{self.path}: cannot be written ({error.strerror}); choose another folder or make room"
        )

    def _discard(self) -> None:
        container = getattr(self, "_container", None)
        # First, where the system lets it: closing would move the whole content behind the index.
        with suppress(OSError):
            self._part.unlink()
        if container is not None:
            with suppress(av.FFmpegError, OSError, ValueError):
                container.close()
        self._part.unlink(missing_ok=True)


class _Sound:
    """The file's sound as AAC, encoded as far as the picture has come."""

    def __init__(self, container: OutputContainer, reader: AudioReader) -> None:
        rate = next((r for r in _AAC_RATES if r >= reader.rate), _AAC_RATES[-1])
        self._reader = AudioReader(reader.path, rate, reader.channels, reader.origin)
        self._rate = rate
        self._layout = "mono" if reader.channels == 1 else "stereo"
        self._container = container
        stream = container.add_stream("aac", rate=rate)
        assert isinstance(stream, AudioStream)
        stream.layout = self._layout
        stream.bit_rate = reader.channels * min(96_000, 4 * rate)
        self._stream = stream
        self._blocks: Iterator[Samples] = self._reader.blocks()
        self._rest: Samples = np.zeros((reader.channels, 0), np.float32)
        self._written = 0

    def write_until(self, time: float) -> None:
        """Encode the samples before this time (seconds) that have not been yet."""
        wanted = round(time * self._rate) - self._written
        while wanted > 0:
            if self._rest.shape[1] == 0:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._rest = block
                continue
            self._encode(self._rest[:, :wanted])
            self._rest = self._rest[:, wanted:]
            wanted = round(time * self._rate) - self._written

    def finish(self) -> None:
        """Encode what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _encode(self, samples: Samples) -> None:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._layout)
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._written, Fraction(1, self._rate)
        self._written += samples.shape[1]
        self._container.mux(self._stream.encode(frame))


def check_output(path: FilePath) -> None:
    """Refuse an output before any work is done.

    Raises:
        InputError: if the name's ending is unknown, or its folder is missing or not writable.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: cannot write {path.suffix or 'a name without ending'}; "
            f"use {', '.join(SUFFIXES)}"
        )
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give a file name")
    except OSError as error:
        raise InputError(f"{path}: no such name is possible ({error.strerror})") from error
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {path.parent} is not writable; choose another")
