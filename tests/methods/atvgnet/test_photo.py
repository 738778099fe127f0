"""From a photo and sound to a video."""

import numpy as np
import pytest

from avfuse import InputError
from avfuse.methods.atvgnet.photo import speak_photo
from avfuse.video.audio import duration
from avfuse.video.picture import write_picture
from avfuse.video.read import frames, probe


def test_a_photo_speaks(tiny, person, speech, tmp_path):
    photo, output = tmp_path / "face.png", tmp_path / "out.mp4"
    write_picture(photo, person.frames[0])
    speak_photo(tiny(), photo, speech, output)
    info = probe(output)
    assert info.fps == pytest.approx(25)
    assert info.frames == round(duration(speech) * 25)
    assert duration(output) == pytest.approx(duration(speech), abs=0.05)
    pictures = [frame.image.astype(int) for frame in frames(output)]
    corner, original = (p[:6, :6] for p in (pictures[9], person.frames[0].astype(int)))
    assert np.abs(corner - original).mean() < 8  # what is not the face stays, but for the codec
    assert max(np.abs(p - person.frames[0]).max() for p in pictures) > 40


def test_a_photo_without_a_face(tiny, speech, tmp_path):
    write_picture(tmp_path / "wall.png", np.full((120, 120, 3), 90, np.uint8))
    with pytest.raises(InputError, match="no face"):
        speak_photo(tiny(), tmp_path / "wall.png", speech, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()
