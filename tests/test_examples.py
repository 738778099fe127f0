"""The examples as their users run them: programs of their own, real clients, loopback."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from websockets.asyncio.client import connect

from avfuse.data.synthetic import synthetic_clip
from avfuse.sound.mel import SAMPLE_RATE

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def voice():
    waveform = synthetic_clip(12, seconds=1.0, size=32).waveform
    return (waveform * 32767).astype("<i2")


@pytest.fixture(scope="module")
def begin(model, face, interruptible):
    """Starts an example."""

    def start(name, *words):
        command = [sys.executable, EXAMPLES / name, "--face", face, "--model", model, *words]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        plain = os.environ | {"LC_ALL": "C"}
        return subprocess.Popen(command, **pipes, **interruptible, env=plain)

    return start


@pytest.fixture
def program(begin):
    """An example, started; killed after the test, unless it has ended."""
    started = []

    def start(*words):
        started.append(begin(*words))
        return started[-1]

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def pictures(stream):
    """JPEG pictures, one behind the other."""
    parts = stream.split(b"\xff\xd8\xff")[1:]
    return [decoded(b"\xff\xd8\xff" + part) for part in parts]


def decoded(picture):
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def assert_speaks(images, person):
    """The tiny model brightens the box around the face, and leaves the corner as it is."""
    first = person.frames[0].astype(int)
    x, y = person.landmarks[0, 48:].mean(0).astype(int)
    mouth = np.s_[y - 8 : y + 8, x - 8 : x + 8]
    assert images[0].shape == first.shape
    assert np.abs(images[0][mouth] - first[mouth]).mean() > 20
    assert np.abs(images[0][:8] - first[:8]).mean() < 6


class TestMicrophone:
    def test_from_a_pipe_to_a_pipe(self, program, voice, person):
        said, errors = program("microphone.py", "--times").communicate(voice.tobytes(), timeout=300)
        images = pictures(said)
        assert len(images) == 25
        assert_speaks(images, person)
        hello, *times = errors.decode().splitlines()
        assert hello == "latency 0.125 s and the computing"
        shown = [float(line.split()[0]) for line in times]
        assert shown == pytest.approx(np.arange(25) / 25, abs=1e-3)

    def test_frames_come_while_the_sound_goes_on(self, program, voice):
        running = program("microphone.py", "--rate", "8000")
        running.stdin.write(voice[::2].tobytes())
        running.stdin.flush()
        assert running.stdout.read(3) == b"\xff\xd8\xff"  # the pipe is still open
        assert running.poll() is None

    def test_to_a_file(self, program, voice, tmp_path):
        running = program("microphone.py", "--output", tmp_path / "out.mjpeg", "--fps", "10")
        assert running.communicate(voice.tobytes(), timeout=300)[0] == b""
        assert len(pictures((tmp_path / "out.mjpeg").read_bytes())) == 10

    def test_a_window_that_is_closed_ends_it(self, program, voice):
        running = program("microphone.py")
        running.stdin.write(voice.tobytes())
        running.stdin.flush()
        running.stdout.read(3)
        running.stdout.close()
        _, errors = running.communicate(voice.tobytes(), timeout=300)
        assert (running.returncode, len(errors.splitlines())) == (0, 1)

    def test_bad_input_is_one_line(self, program):
        _, errors = program("microphone.py", "--model", "nobody").communicate(timeout=300)
        (line,) = errors.decode().splitlines()
        assert line.startswith("microphone: ")


async def converse(address, pcm, most, rate=None):
    """A client: all of its sound, in pieces, and all of the frames."""
    async with connect(address, max_size=None) as connection:
        hello = json.loads(await connection.recv())
        if rate is not None:
            await connection.send(json.dumps({"rate": rate}))

        async def speak():
            for start in range(0, len(pcm), most):
                await connection.send(pcm[start : start + most].tobytes())
            await connection.send("end")

        speaking = asyncio.create_task(speak())
        frames = [(struct.unpack_from("<d", m)[0], decoded(m[8:])) async for m in connection]
        await speaking
    return hello, frames, connection.close_code


class TestWebSocketServer:
    @pytest.fixture(scope="class")
    def server(self, begin):
        """One for all of them, whatever a client before did to it."""
        running = begin("websocket_server.py", "--port", "0")
        try:
            address = running.stdout.readline().decode().strip()
            assert address.startswith("ws://127.0.0.1:"), running.stderr.read()
            yield address
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=300)
            assert (running.returncode, errors) == (130, b"")
        finally:
            running.kill()

    def test_a_conversation(self, server, voice, person):
        hello, frames, code = asyncio.run(converse(server, voice, 777))
        assert hello == {"fps": 25.0, "width": 160, "height": 160, "latency": 0.125}
        assert [time for time, _ in frames] == pytest.approx(np.arange(25) / 25, abs=1e-3)
        assert_speaks([image for _, image in frames], person)
        assert code == 1000

    def test_several_at_once_each_hear_their_own(self, server, voice):
        async def all_of_them():
            sounds = voice, np.zeros(SAMPLE_RATE // 2, "<i2"), voice
            return await asyncio.gather(*(converse(server, pcm, 1600) for pcm in sounds))

        (_, first, _), (_, silent, _), (_, again, _) = asyncio.run(all_of_them())
        assert [len(frames) for frames in (first, silent, again)] == [25, 13, 25]
        for (_, one), (_, other) in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)
        assert any((a != b).any() for (_, a), (_, b) in zip(first, silent, strict=False))

    def test_another_rate(self, server, voice):
        _, frames, _ = asyncio.run(converse(server, voice, 5000, rate=48_000))
        assert len(frames) == 9  # a third of a second

    def test_one_that_leaves_does_no_harm(self, server, voice):
        async def leave():
            async with connect(server) as connection:
                await connection.send(voice.tobytes())
                await connection.recv()

        asyncio.run(leave())
        assert len(asyncio.run(converse(server, voice, 1600))[1]) == 25

    def test_one_that_does_not_read_is_made_to_wait(self, server):
        """It can send no more than what fits the buffers of both ends and of the sockets."""

        async def deaf():
            async with connect(server, max_queue=1, close_timeout=1) as connection:
                second = np.zeros(SAMPLE_RATE, "<i2").tobytes()
                for number in itertools.count():
                    assert number < 2000, "half an hour of sound was taken"
                    try:
                        await asyncio.wait_for(connection.send(second), timeout=5)
                    except TimeoutError:
                        break
                connection.transport.abort()

        with contextlib.suppress(ConnectionError):
            asyncio.run(deaf())

    def test_what_is_no_sound_is_refused(self, server):
        async def answer(*messages):
            async with connect(server) as connection:
                await connection.recv()
                for message in messages:
                    await connection.send(message)
                await connection.wait_closed()
                return connection.close_code, connection.close_reason

        async def refused(says, *messages):
            code, reason = await answer(*messages)
            assert code == 1008
            assert reason.startswith(says)

        async def all_of_them():
            await refused("5 samples a second", '{"rate": 5}', bytes(1600))
            await refused("buffer size must be a multiple", bytes(3))
            for message in ("hello", "5", "{}", '{"rate": Infinity}', "[" * 100_000):
                await refused("not understood", message)

        asyncio.run(all_of_them())

    @pytest.mark.slow
    def test_one_that_reads_late_has_not_left(self, server, voice):
        """Pings go unanswered meanwhile, for longer than the 40 s after which servers give up."""

        async def late():
            async with connect(server, max_queue=1, ping_interval=None) as connection:
                await connection.send(voice.tobytes())
                await asyncio.sleep(45)
                await connection.send("end")
                return [message async for message in connection]

        assert len(asyncio.run(late())) == 1 + 25

    def test_a_face_that_is_not_there_is_said_before_anybody_comes(self, program):
        _, errors = program(
            "websocket_server.py", "--port", "0", "--face", "nowhere.mp4"
        ).communicate(timeout=300)
        (line,) = errors.decode().splitlines()
        assert line == "websocket_server: nowhere.mp4: no such file; check the path"
