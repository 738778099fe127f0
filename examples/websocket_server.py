"""A face for every visitor: sound comes in over a WebSocket, and frames go back as they are ready.

    pip install 'avfuse[examples]'
    python examples/websocket_server.py --face face.mp4 --port 8765

The protocol, one stream a connection:

- The client may begin with a text message `{"rate": 48000}`; 16 000 samples a second otherwise.
- A binary message is sound: mono, 16 bits, little-endian, any number of samples.
- The text message `end` ends the sound: the frames that are left follow, and the server closes.
- The server begins with a text message `{"fps", "width", "height", "latency"}`. Each binary message
  that follows is a frame: its time in seconds as a little-endian double, then a JPEG picture.

All connections share one loaded model. Who does not read frames is not read from either: the next
frame is made when the one before has gone out, so that nothing piles up here.
"""

import argparse
import asyncio
import json
import struct
import sys
from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import avfuse
from avfuse.runtime.choose import runner_named


async def main() -> None:
    """Serve until interrupted."""
    options = parser().parse_args()
    model = avfuse.load(options.model)
    open_stream = partial(
        avfuse.Stream, model, options.face, options.fps, runner=runner_named("auto", model)
    )
    open_stream().close()  # what cannot be used is said now, not to every visitor
    one_at_a_time = asyncio.Lock()  # computing; the processor has no more to give

    async def handle(connection: ServerConnection) -> None:
        with await asyncio.to_thread(open_stream) as stream:
            try:
                await converse(connection, stream, one_at_a_time)
            except ConnectionClosed:
                pass  # the visitor left
            except (avfuse.InputError, ValueError) as error:
                reason = str(error).encode()[:120].decode(errors="ignore")  # 123 bytes at most
                await connection.close(1008, reason)

    # One message waits at most, then the client has to: that is the backpressure. Its answers to
    # pings wait likewise, behind the sound; who is slow, or made to wait, has not left.
    settings = {"max_queue": 1, "compression": None, "ping_timeout": None}
    async with serve(handle, options.host, options.port, **settings) as server:
        host, port = server.sockets[0].getsockname()[:2]
        print(f"ws://{host}:{port}", flush=True)
        await server.serve_forever()


async def converse(
    connection: ServerConnection, stream: avfuse.Stream, computing: asyncio.Lock
) -> None:
    """One client, from its first message to its last frame."""
    width, height = stream.size
    hello = {"fps": stream.fps, "width": width, "height": height, "latency": stream.latency}
    await connection.send(json.dumps(hello))
    rate = 16_000
    async for message in connection:
        if isinstance(message, bytes):
            frames = stream.push(np.frombuffer(message, "<i2"), rate)
        elif message == "end":
            frames = stream.flush()
        else:
            rate = said_rate(message)
            continue
        while True:
            async with computing:
                frame = await asyncio.to_thread(encoded, frames)
            if frame is None:
                break
            await connection.send(frame)
        if message == "end":
            return


def said_rate(message: str) -> int:
    """The samples a second that a client says.

    Raises:
        ValueError: it says something else.
    """
    try:
        return int(json.loads(message)["rate"])
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        raise ValueError('not understood; expected {"rate": samples a second} or end') from None


def encoded(frames: Iterator[tuple[np.ndarray, float]]) -> bytes | None:
    """The next frame as a message, or None if it waits for sound."""
    image, time = next(frames, (None, 0.0))
    if image is None:
        return None
    _, picture = cv2.imencode(".jpg", image[..., ::-1])
    return struct.pack("<d", time) + picture.tobytes()


def parser() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    made = argparse.ArgumentParser(description="Sound in, frames out, over a WebSocket.")
    made.add_argument("--face", required=True, help="video or photo with a face")
    made.add_argument("--model", default="default", help="a bundled model's name, or a model file")
    made.add_argument("--fps", type=float, help="frames a second (default: the video's own)")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=8765, help="0 for any that is free")
    return made


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except avfuse.InputError as error:
        sys.exit(f"websocket_server: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
