"""Speak into a microphone and see a face say it: raw sound on standard input, video out.

Linux, with a window:

    arecord -q -f S16_LE -r 16000 -c 1 -t raw |
        python examples/microphone.py --face face.mp4 |
        ffplay -loglevel error -f mjpeg -framerate 25 -i -

On macOS, `ffmpeg -f avfoundation -i :0 -f s16le -ar 16000 -ac 1 -` takes the place of arecord; on
Windows, the same with `-f dshow`. With `--output FILE.mjpeg` the pictures go to a file. `--times`
writes the time of each frame, and how long after that moment it came, to standard error.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

import avfuse


def main() -> None:
    """Run until the sound ends."""
    options = parser().parse_args()
    stream = avfuse.Stream(options.model, options.face, options.fps, chunk=options.chunk)
    with stream, options.output.open("wb") if options.output else sys.stdout.buffer as output:
        print(f"latency {stream.latency:.3f} s and the computing", file=sys.stderr)
        begun = time.monotonic()
        for pcm in pieces(sys.stdin.buffer, options.rate):
            show(stream.push(pcm, options.rate), output, begun, options.times)
        show(stream.flush(), output, begun, options.times)


def pieces(source: BinaryIO, rate: int) -> Iterator[np.ndarray]:
    """Mono samples of 16 bits, some 20 ms at a time, as soon as they are there."""
    rest = b""
    while data := source.read1(2 * (rate // 50)):
        data = rest + data
        whole = len(data) // 2 * 2
        yield np.frombuffer(data[:whole], "<i2")
        rest = data[whole:]


def show(
    frames: Iterator[tuple[np.ndarray, float]], output: BinaryIO, begun: float, times: bool
) -> None:
    """Write frames as JPEG pictures, one behind the other."""
    for image, shown in frames:
        _, picture = cv2.imencode(".jpg", image[..., ::-1])
        output.write(picture.tobytes())
        output.flush()
        if times:
            behind = time.monotonic() - begun - shown
            print(f"{shown:.4f} {behind:.4f}", file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(description="Raw 16-bit mono sound on stdin, JPEG pictures out.")
    made.add_argument("--face", required=True, help="video or photo with a face")
    made.add_argument("--model", default="default", help="a bundled model's name, or a model file")
    made.add_argument("--rate", type=int, default=16_000, help="samples a second")
    made.add_argument("--fps", type=float, help="frames a second (default: the video's own)")
    made.add_argument("--chunk", type=int, default=1, help="frames a step (default: 1)")
    made.add_argument("--output", type=Path, help="FILE.mjpeg (default: standard output)")
    made.add_argument("--times", action="store_true", help="say when each frame comes")
    return made


if __name__ == "__main__":
    try:
        main()
    except avfuse.InputError as error:
        sys.exit(f"microphone: {error}")
    except BrokenPipeError:
        pass  # who watched has closed the window
    except KeyboardInterrupt:
        sys.exit(130)
