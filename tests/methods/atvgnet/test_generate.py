"""From a photo and sound to a video, by what speaks for every method."""

import numpy as np
import pytest
import torch

from avfuse import InputError, Stream, generate
from avfuse.cli import main
from avfuse.model_file import save
from avfuse.sound.mel import SAMPLE_RATE
from avfuse.video.audio import duration, read_audio
from avfuse.video.picture import write_picture
from avfuse.video.read import frames, probe


@pytest.fixture
def photo(tmp_path, person):
    path = tmp_path / "face.png"
    write_picture(path, person.frames[0])
    return path


@pytest.fixture
def path(tiny, tmp_path):
    model = tiny()
    torch.nn.init.constant_(model.vg_net.decode[-1].bias, 1.0)  # bright, and rather opaque
    path = tmp_path / "atvgnet.safetensors"
    save(model, path, credit="made in a test")
    return path


def test_a_photo_speaks(path, photo, speech, person, tmp_path):
    output = tmp_path / "out.mp4"
    words = ["generate", "--face", photo, "--audio", speech, "--output", output, "--model", path]
    assert main([*map(str, words), "--quiet"]) == 0
    info = probe(output)
    assert info.fps == pytest.approx(25)
    assert info.frames == round(duration(speech) * 25)
    assert duration(output) == pytest.approx(duration(speech), abs=0.05)
    pictures = [frame.image.astype(int) for frame in frames(output)]
    corner, original = (p[:6, :6] for p in (pictures[9], person.frames[0].astype(int)))
    assert np.abs(corner - original).mean() < 8  # what is not the face stays, but for the codec
    assert max(np.abs(p - person.frames[0]).max() for p in pictures) > 40


def test_of_a_video_it_takes_the_first_picture(path, face, speech, tmp_path):
    report = generate(face, speech, tmp_path / "out.mp4", model=path, quiet=True)
    assert report.frames_without_face == 0
    pictures = [frame.image.astype(int) for frame in frames(tmp_path / "out.mp4")]
    moved = np.abs(np.diff([p[:20] for p in pictures], axis=0)).mean()
    assert moved < 1  # the head keeps still, and the background with it


def test_a_stream_shows_the_same(path, photo, speech, tmp_path):
    sound = read_audio(speech).numpy()
    with Stream(path, photo, runner="eager", chunk=8) as stream:
        assert stream.latency == pytest.approx(4 / 80 + 0.025 + 7 / 25)
        pieces = [list(stream.push(part, SAMPLE_RATE)) for part in np.array_split(sound, 13)]
        streamed = [frame for piece in [*pieces, list(stream.flush())] for frame in piece]
    with Stream(path, photo, runner="eager", chunk=8) as stream:
        once = [*stream.push(sound, SAMPLE_RATE), *stream.flush()]
    assert len(streamed) == len(once) == round(len(sound) / SAMPLE_RATE * 25)
    for one, other in zip(streamed, once, strict=True):
        assert np.array_equal(one.image, other.image)


def test_a_photo_without_a_face(path, speech, tmp_path):
    write_picture(tmp_path / "wall.png", np.full((120, 120, 3), 90, np.uint8))
    with pytest.raises(InputError, match="no face"):
        generate(tmp_path / "wall.png", speech, tmp_path / "out.mp4", model=path, quiet=True)
    assert not (tmp_path / "out.mp4").exists()


def test_a_box_has_no_landmarks(path, photo, speech, tmp_path):
    with pytest.raises(InputError, match="moves a face by its landmarks, and none were read"):
        generate(
            photo,
            speech,
            tmp_path / "out.mp4",
            model=path,
            box=(30.0, 30.0, 130.0, 130.0),
            quiet=True,
        )
