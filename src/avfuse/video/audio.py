"""Any file's sound, in blocks, on the clock of its picture."""

import logging
import wave
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from jaxtyping import Float, Float32
from torch import Tensor

from avfuse.errors import InputError
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.video.media import (
    FilePath,
    audio_stream,
    check_complete,
    check_reached,
    declared_end,
    decode_audio,
    decode_video,
    open_media,
    seconds,
    video_stream,
)

Samples = Float[np.ndarray, "C L"]
"""A block of sound: channels, samples."""

Origin = Literal["picture", "earliest"]
"""What is sample 0: what is heard when the first frame is seen, or where the sound begins if that
is well before; whoever only listens wants all of it."""

_log = logging.getLogger(__name__)

_JITTER = 0.04  # seconds by which stamps may be off before samples are taken as lost
_BEFORE = 0.1  # seconds; encoders begin some hundredths before the picture
_BROKEN = 600.0  # seconds; a longer jump is a broken clock rather than a pause
_HEARD = 1e-3  # of full scale; what is softer tells nothing of how two channels go together
_LISTENED = 1.0, 30.0  # seconds that are heard, or wait, before two channels become one
_CANCELS = 0.01  # of the louder channel's power: a mean below that is what opposition leaves


def origin_of(audio: FilePath, face: FilePath | None) -> Origin:
    """Where sound begins that is laid under a face: a face's own goes with its frames."""
    with suppress(OSError):  # one of them is not there
        if face is not None and Path(audio).samefile(face):
            return "picture"
    return "earliest"


class AudioReader:
    """Streams a file's sound from the picture's first frame on (or its own start).

    Encoder delay is removed, pauses in the timestamps become silence, and sound before the first
    frame is left out, so that sample k is heard k / rate seconds after the first frame is seen.
    Sound that begins well before it is kept if `origin` says so.

    Args:
        path: of any file with sound.
        rate: samples a second to resample to; None keeps the file's own.
        channels: 1 or 2; None keeps the file's own, at most 2. One is the mean of two, or the
            louder where they are in opposition, so that their mean is silence.
        origin: where it begins.

    Raises:
        InputError: if the file is missing, damaged or cut short, or has no sound.
    """

    def __init__(
        self,
        path: FilePath,
        rate: int | None = None,
        channels: int | None = None,
        origin: Origin = "picture",
    ) -> None:
        self.path, self.origin = path, origin
        with open_media(path) as container:
            stream = audio_stream(container, path)
            check_complete(path, stream)
            self._own_rate = stream.codec_context.sample_rate
            self._own_channels = min(2, stream.codec_context.channels)
            if self._own_rate <= 0 or self._own_channels <= 0:
                raise InputError(f"{path}: its sound is empty or damaged; give a file with sound")
        self.rate = rate or self._own_rate
        self.channels = channels or self._own_channels

    def blocks(self) -> Iterator[Samples]:
        """The sound once through, float32 in [-1, 1], (channels, L), L as it comes.

        Raises:
            InputError: if no sample can be decoded, or one is not finite, or the file ends long
                before it says.
        """
        own = self._own_blocks()
        if (self._own_channels, self.channels) == (2, 1):
            own = self._joined(own)
        elif self._own_channels < self.channels:
            own = (np.repeat(block, 2, axis=0) for block in own)
        return own if self.rate == self._own_rate else self._resampled(own)

    def _resampled(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        resampler = Resampler(self._own_rate, self.rate, self.channels)
        for block in blocks:
            yield from resampler.push(block)
        yield from resampler.flush()

    def _joined(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        """Two channels as one, in one way from beginning to end: as what is heard first decides."""
        waiting, power = [], np.zeros(3)
        heard = waits = 0
        for block in blocks:
            waiting.append(block)
            power += np.square([*block, block.mean(0)], dtype=np.float64).sum(1)
            heard += int((np.abs(block).max(0) > _HEARD).sum())
            waits += block.shape[1]
            if heard >= _LISTENED[0] * self._own_rate or waits >= _LISTENED[1] * self._own_rate:
                break
        louder = int(power[:2].argmax())
        if opposed := bool(power[2] < _CANCELS * power[louder]):
            _log.warning("%s: its channels cancel each other out; the louder is heard", self.path)
        for block in chain(waiting, blocks):
            yield block[[louder]] if opposed else block.mean(0, keepdims=True)

    def _own_blocks(self) -> Iterator[Samples]:
        """Blocks at the file's own rate, aligned with the picture."""
        seen = _first_frame_time(self.path)
        with open_media(self.path) as container:
            stream = audio_stream(container, self.path)
            timeline = _Timeline(self._own_rate, seen, _padding_starts(stream), self.origin)
            for frame, block in self._uniform(decode_audio(container, stream)):
                yield from timeline.place(block, seconds(frame.pts, frame.time_base))
            if timeline.emitted == 0:
                raise InputError(f"{self.path}: its sound has no samples; give a file with sound")
            check_reached(self.path, timeline.reached, declared_end(stream))

    def _uniform(self, frames: Iterator[AudioFrame]) -> Iterator[tuple[AudioFrame, Samples]]:
        """Planar float, at most stereo, one rate, even if a file changes any of them midway."""
        layout = "mono" if self._own_channels == 1 else "stereo"
        key, resampler = None, None
        for frame in frames:
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or found != key:
                key, resampler = found, AudioResampler("fltp", layout, self._own_rate)
            for out in resampler.resample(frame):
                block = np.asarray(out.to_ndarray(), np.float32)
                if not np.isfinite(block).all():  # no encoder takes them, nor does the network
                    raise InputError(
                        f"{self.path}: its sound has samples that are not finite; "
                        "save it again as WAV of 16 bits"
                    )
                yield frame, block


class Resampler:
    """Another rate for sound that arrives in blocks; how it is cut into them changes nothing.

    Args:
        rate: samples a second that are given.
        to: samples a second that are wanted.
        channels: 1 or 2.
    """

    def __init__(self, rate: int, to: int, channels: int) -> None:
        self._rate = rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._resampler = AudioResampler("fltp", self._layout, to)

    def push(self, block: Samples) -> Iterator[Samples]:
        """What a block completes; the filter looks some milliseconds ahead."""
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", self._layout)
        frame.sample_rate = self._rate
        yield from self._resampled(frame)

    def flush(self) -> Iterator[Samples]:
        """The rest, at the end of the sound."""
        yield from self._resampled(None)

    def _resampled(self, frame: AudioFrame | None) -> Iterator[Samples]:
        for out in self._resampler.resample(frame):
            yield np.asarray(out.to_ndarray(), np.float32)


class _Timeline:
    """Puts decoded blocks where their timestamps say, counted in samples from the origin.

    Args:
        rate: samples a second.
        seen: seconds on the file's clock of the first frame; None where there is no picture.
        end: seconds on the file's clock at which the sound ends; None for no end.
        origin: what is sample 0; without a picture, the first block is.
    """

    def __init__(
        self, rate: int, seen: float | None, end: float | None, origin: Origin = "picture"
    ) -> None:
        self.emitted = 0
        self._rate = rate
        self._origin, self._early = seen, origin == "earliest"
        self._end = end
        self._position: int | None = None

    @property
    def reached(self) -> float:
        """Seconds on the file's clock that have been decoded."""
        return (self._origin or 0.0) + (self._position or 0) / self._rate

    def place(self, block: Samples, time: float | None) -> Iterator[Samples]:
        """The block as it is to be heard, silence before it where samples are missing."""
        position = self._start(time)
        for start in range(max(0, self._position or 0), position, self._rate):
            silence = min(self._rate, position - start)
            self.emitted += silence
            yield np.zeros((len(block), silence), np.float32)
        # What lies before the origin, was heard already, or is the encoder's padding, goes.
        first = max(0, self._position or 0) - position
        length = block.shape[1]
        stop = length
        if self._end is not None and self._origin is not None:
            stop = min(length, round((self._end - self._origin) * self._rate) - position)
        heard = block[:, max(0, first) : max(0, stop)]
        self._position = position + length
        if heard.shape[1]:
            self.emitted += heard.shape[1]
            yield heard

    def _start(self, time: float | None) -> int:
        expected = self._position
        begins, first = time or 0.0, expected is None
        if self._origin is None or (first and self._early and begins < self._origin - _BEFORE):
            self._origin = begins
        stamped = None if time is None else round((time - self._origin) * self._rate)
        if stamped is not None and abs(stamped - (expected or 0)) > _BROKEN * self._rate:
            self._origin += (stamped - (expected or 0)) / self._rate
            stamped = expected or 0
        if expected is None:
            return stamped or 0
        if stamped is None or abs(stamped - expected) <= _JITTER * self._rate:
            return expected
        return stamped


def mono_blocks(path: FilePath, origin: Origin = "picture") -> Iterator[Float[Tensor, "L"]]:
    """Driving audio: 16 kHz mono float32 in blocks, once through (for `MelStream.push`).

    Args:
        path: as of [`AudioReader`][avfuse.video.audio.AudioReader].
        origin: likewise.

    Raises:
        InputError: as [`AudioReader`][avfuse.video.audio.AudioReader].
    """
    for block in AudioReader(path, SAMPLE_RATE, 1, origin).blocks():
        yield torch.from_numpy(block[0].copy())


def read_audio(path: FilePath, origin: Origin = "picture") -> Float[Tensor, "L"]:
    """A file's whole sound, 16 kHz mono float32 in [-1, 1].

    Args:
        path: as of [`AudioReader`][avfuse.video.audio.AudioReader].
        origin: likewise.

    Raises:
        InputError: likewise.
    """
    return torch.cat(list(mono_blocks(path, origin)))


def duration(path: FilePath, origin: Origin = "picture") -> float:
    """Seconds of sound from its origin on, counted by decoding it all.

    Raises:
        InputError: as [`AudioReader`][avfuse.video.audio.AudioReader].
    """
    reader = AudioReader(path, origin=origin)
    samples: int = sum(block.shape[1] for block in reader.blocks())
    return samples / reader.rate


def write_wav(path: FilePath, waveform: Float32[np.ndarray, "L"]) -> None:
    """Write 16 kHz mono samples as a WAV file of 16 bits; those beyond [-1, 1] are clipped."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((waveform.clip(-1, 1) * 32767).astype("<i2").tobytes())


def _first_frame_time(path: FilePath) -> float | None:
    """Seconds on the file's clock of its first frame; None where there is no picture."""
    with open_media(path) as container:
        try:
            stream = video_stream(container, path)
        except InputError:
            return None
        frame = next(decode_video(container, stream), None)
        return None if frame is None else seconds(frame.pts, frame.time_base)


def _padding_starts(stream: AudioStream) -> float | None:
    """Where an MP4's sound ends and its encoder's padding begins, which decoders leave in."""
    return declared_end(stream) if stream.container.format.name.startswith("mov") else None
