"""Files and streams with Wav2Lip; the weights are random, so only the plumbing can be right."""

import itertools

import numpy as np
import pytest
import torch

from avfuse import Stream, generate
from avfuse.cli import main
from avfuse.faces.choose import one_face
from avfuse.geometry.box import Box
from avfuse.methods.wav2lip.generator import Wav2Lip
from avfuse.runtime.eager import EagerRunner
from avfuse.video.audio import duration, read_audio
from avfuse.video.read import frames, probe
from avfuse.video.write import VideoWriter

BOX = (30.0, 30.0, 130.0, 130.0)


@pytest.fixture(scope="module")
def method(weights):
    made = Wav2Lip().eval().requires_grad_(False)
    made.take(weights)
    return made


@pytest.fixture
def written(monkeypatch):
    """What is written, before it is encoded."""
    kept, write = [], VideoWriter.write

    def keep(self, image, time):
        kept.append(image)
        write(self, image, time)

    monkeypatch.setattr(VideoWriter, "write", keep)
    return kept


def lower_half(box):
    """The frame's pixels that may change, and those well inside that must."""
    x0, y0, x1, y1 = Box(*box).framed(Wav2Lip.framing)
    middle = (y0 + y1) / 2
    pixel = (y1 - y0) / 96
    rows = slice(int(np.floor(middle - pixel)), int(np.ceil(y1 + pixel)))
    columns = slice(int(np.floor(x0 - pixel)), int(np.ceil(x1 + pixel)))
    inner = np.s_[int(middle + 10 * pixel) : int(y1 - 10), int(x0 + 10) : int(x1 - 10)]
    return (rows, columns), inner


def assert_only_there(before, after, box):
    allowed, inner = lower_half(box)
    changed = (before != after).any(2)
    assert changed[inner].mean() > 0.9
    changed[allowed] = False
    assert not changed.any()


def test_generate(method, face, speech, tmp_path, written):
    output = tmp_path / "out.mp4"
    report = generate(face, speech, output, model=method, box=BOX, runner="eager", quiet=True)
    assert report.frames == report.frames_with_face == 25
    assert probe(output)[:2] == probe(face)[:2] == (160, 160)
    assert probe(output).fps == pytest.approx(25)
    assert duration(output) == pytest.approx(duration(speech), abs=1 / 25)
    heard, given = read_audio(output), read_audio(speech)
    length = min(len(heard), len(given))
    assert np.corrcoef(heard[:length], given[:length])[0, 1] > 0.95
    source = [frame.image for frame in frames(face, exact=True)]
    for before, after in zip(source, written, strict=False):
        assert_only_there(before, after, BOX)


def test_finds_the_face_and_leaves_frames_without_one(
    method, made, person, speech, tmp_path, written
):
    """Its authors' program stops there."""
    shown = person.frames.copy()
    shown[8:] = 128
    clip = made.video(tmp_path / "gone.mp4", person._replace(frames=shown), crf=8)
    written.clear()
    report = generate(clip, speech, tmp_path / "out.mp4", model=method, quiet=True)
    assert 0 < report.frames_without_face < report.frames == 25
    tracked = itertools.islice(one_face().track(frames(clip, exact=True)), 15)
    for number, (frame, found) in enumerate(tracked):
        if found is None:
            assert np.array_equal(written[number], frame.image)
        elif found.presence == 1:
            assert_only_there(frame.image, written[number], found.box)


def test_the_command_line_takes_the_file_that_people_have(weights, face, speech, tmp_path, capsys):
    torch.save({"state_dict": weights}, tmp_path / "wav2lip_gan.pth")
    words = ["generate", "--model", str(tmp_path / "wav2lip_gan.pth"), "--face", str(face)]
    words += ["--audio", str(speech), "--output", str(tmp_path / "out.mp4"), "--quiet"]
    assert main([*words, "--box", "30,30,130,130"]) == 0
    assert probe(tmp_path / "out.mp4")[:2] == (160, 160)


def test_a_stream_gives_the_same_frames(method, face, speech, tmp_path, written):
    generate(face, speech, tmp_path / "out.mp4", model=method, box=BOX, runner="eager", quiet=True)
    pcm = read_audio(speech).numpy()
    with Stream(method, face, box=BOX, runner=EagerRunner(method), chunk=8) as stream:
        assert stream.latency == pytest.approx(11.9 / 80 + 0.025 + 7 / 25)
        made = [frame for part in np.array_split(pcm, 7) for frame in stream.push(part)]
        made += stream.flush()
    assert len(made) == len(written) == 25
    for frame, image in zip(made, written, strict=True):
        assert np.array_equal(frame.image, image)
