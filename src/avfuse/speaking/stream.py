"""A face that speaks while the sound still comes."""

import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType

from avfuse.errors import InputError
from avfuse.method import Method
from avfuse.runtime.choose import runner_named
from avfuse.runtime.device import method_on
from avfuse.runtime.runner import Runner
from avfuse.runtime.speaker import Past, Speaker
from avfuse.sound.feed import MelBuffer
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.speaking.overlap import ahead
from avfuse.speaking.pcm import Pcm, PcmReader
from avfuse.speaking.scene import INSTANT, checked_rate, scene
from avfuse.speaking.seen import Search, Tracked
from avfuse.speaking.speech import Speech
from avfuse.speaking.stopwatch import Stopwatch
from avfuse.video.media import FilePath
from avfuse.video.paste import Blending
from avfuse.video.read import TimedFrame

_READY = 8  # tracked frames that wait for sound, at most


class Stream:
    """Sound in, frames out, for hours: what `generate` makes, as soon as the sound for it is there.

    ```python
    with avfuse.Stream("default", "face.mp4") as stream:
        for pcm in microphone:                     # any number of samples at a time
            for image, time in stream.push(pcm, 48_000):
                show(image, time)
    ```

    Frames are those of [`generate`][avfuse.generate] for the same sound, before they are encoded:
    bit for bit with the eager runner and `chunk=8`, which is what `generate` takes. With other
    chunks, sums are rounded otherwise, and single pixels may be one level off.

    Bounded in every direction: footage is decoded and tracked a few frames ahead, in a thread of
    its own; sound is forgotten when its frames are taken; and `push` refuses more sound while
    `buffer` seconds of it wait for somebody to take their frames.

    A stream belongs to one thread at a time. Several may share one model, and one runner other than
    `cuda-graph`.

    Args:
        model: a bundled model's name, a model file, or a loaded model.
        face: video or photo with a face, as of [`generate`][avfuse.generate]; footage runs forth
            and back. None for a model that has a face of its own.
        fps: frames a second; None keeps the footage's own times, as `generate` does.
        chunk: frames a step of the network. More cost less each, and wait for each other.
        buffer: seconds of sound that may wait.
        device: auto, cpu or cuda; auto leaves a loaded model where it is.
        runner: how the network runs: a name, as of `runner_named`, or a runner of this model.
        faces: what looks for faces, as of [`generate`][avfuse.generate].
        face_index: which face speaks.
        box: x0, y0, x1, y1 around the face in pixels; None looks for it.
        mouth_only: nothing outside mouth and chin changes.
        blending: how mouths are laid into frames, as of [`generate`][avfuse.generate].

    Attributes:
        method: the loaded model.
        runner: what runs it.
        size: width and height of the frames, in pixels.
        fps: frames a second.

    Raises:
        InputError: for input that cannot be used, in one line. That footage shows no face is known,
            and raised, where its frames are taken.
    """

    def __init__(
        self,
        model: FilePath | Method,
        face: FilePath | None = None,
        fps: float | int | None = None,
        *,
        chunk: int = 1,
        buffer: float = 10.0,
        device: str = "auto",
        runner: str | Runner = "auto",
        faces: str = "builtin",
        face_index: int = 0,
        box: tuple[float, float, float, float] | None = None,
        mouth_only: bool = False,
        blending: Blending = "direct",
    ) -> None:
        if chunk < 1:
            raise InputError(f"chunks of {chunk} frames; expected 1 or more")
        if mouth_only and box is not None:
            raise InputError("a box does not say where the mouth is; give a box or mouth only")
        self.method = method_on(model, device)
        self.runner = runner_named(runner, self.method) if isinstance(runner, str) else runner
        if mouth_only and self.method.whole:
            raise InputError("this model makes whole frames, not mouths; give no mouth only")
        self._chunk, self._buffer = chunk, buffer
        rate = None if fps is None else checked_rate(float(fps))
        self._scene = scene(self.method, face, Search(faces, face_index, box), rate)
        info = self._scene.info
        self.size, self.fps = (info.width, info.height), info.fps
        self._speaker = Speaker(self.runner, self._scene.seen, self._scene.heard)
        self._speech = Speech(self._speaker, Stopwatch(), mouth_only, blending)
        self._running = ExitStack()
        self.reset()

    @property
    def latency(self) -> float:
        """Seconds from the moment that a frame shows until it can be made, computing left out.

        The network hears so many mel steps ahead, and each step half a window of the transform; the
        first frame of a chunk waits for the last.
        """
        return self.method.hears.delay + (self._chunk - 1) / self.fps

    @property
    def waiting(self) -> float:
        """Seconds of sound whose frames nobody has taken."""
        return max(0.0, float(self._heard.seconds) - self._taken)

    def push(self, pcm: Pcm, rate: int = SAMPLE_RATE) -> Iterator[TimedFrame]:
        """Add sound.

        The sound is taken at once, the frames are made as they are asked for: those that nobody
        asks for come first from the next `push`.

        Args:
            pcm: float32 in [-1, 1] or int16, (samples,) or (samples, channels), of any number.
            rate: samples a second; others than 16 000 are resampled, some milliseconds later.

        Returns:
            the frames that are complete, RGB, with their times in seconds since the first sample.

        Raises:
            InputError: `pcm` is no sound.
            BufferError: too much sound waits; nothing of this piece was taken.
            ValueError: the sound has ended.
        """
        if self._sound.ended:
            raise ValueError("the sound has ended; reset the stream to begin another")
        if self.waiting > self._buffer + self.latency:
            raise BufferError(
                f"{self.waiting:.1f} s of sound wait, more than {self._buffer:g} s; take the "
                f"frames that push returns, or reset"
            )
        for block in self._heard.push(pcm, rate):
            self._sound.push(block)
        return self._frames()

    def flush(self) -> Iterator[TimedFrame]:
        """End the sound.

        Returns:
            the frames that are left: as many as the sound is long, as `generate` writes them.
        """
        if not self._sound.ended:
            for block in self._heard.flush():
                self._sound.push(block)
            self._sound.end()
        return self._frames()

    def reset(self) -> None:
        """Begin again with other sound and the first frame of the footage, at time 0."""
        self.close()
        self._heard, self._sound = PcmReader(), MelBuffer(self.method.hears)
        self._speaker.past = Past()
        self._next: list[Tracked] = []
        self._spoken: deque[TimedFrame] = deque()
        self._taken = 0.0  # seconds of sound whose frames were taken
        tracked = self._scene.track(self._scene.frames())
        self._footage = self._running.enter_context(ahead(tracked, _READY))

    def close(self) -> None:
        """Let go of the footage; a stream that was closed can be reset."""
        self._running.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _frames(self) -> Iterator[TimedFrame]:
        """Every frame that is complete and has not been taken."""
        while self._spoken or self._speak():
            frame = self._spoken.popleft()
            self._taken = frame.time
            yield frame
        self._taken = float(self._heard.seconds)  # however long it is until the next frame

    def _speak(self) -> bool:
        """Make the next chunk of frames, if its sound is there."""
        missing = self._chunk - len(self._next)
        self._next.extend(itertools.islice(self._footage, missing))
        if len(self._next) < self._chunk:  # footage has no end of its own
            raise ValueError("the stream is closed, or its footage failed; reset it")
        chunk = self._next
        if self._sound.ended:
            chunk = [item for item in chunk if item[0].time < self._heard.seconds - INSTANT]
        if not chunk or not self._sound.covers(chunk[-1][0].time):
            return False
        # All or nothing: a chunk that fails in its middle is made again.
        before = self._speaker.past
        try:
            self._spoken = deque([frame for frame, _ in self._speech.begin(chunk, self._sound)()])
        except BaseException:
            self._speaker.past = before
            raise
        self._next = []
        return True
