"""The table of offsets says what was put into the clips."""

import pytest
import torch

from avfuse.data.clip import Clip
from avfuse.data.offset import Offset
from avfuse.data.synthetic import synthetic_clip
from avfuse.experts.sync.offsets import MOVED, Found, found, lines, table
from avfuse.sound.mel import mel_spectrogram


@pytest.fixture(scope="module")
def clip():
    made = synthetic_clip(3, seconds=3.0, size=96)
    pictures = torch.from_numpy(made.frames), torch.from_numpy(made.landmarks)
    mel = mel_spectrogram(torch.from_numpy(made.waveform))
    return Clip(*pictures, torch.from_numpy(made.times), mel)


def test_moved_sound_is_found_where_it_went(clip):
    seen = found("anna", "one", clip)
    assert seen.seconds == pytest.approx(2.96)
    assert len(seen.errors) == len(MOVED)
    assert max(map(abs, seen.errors)) < 0.02
    assert not seen.doubt


def test_a_clip_that_is_too_short(clip):
    few = clip._replace(frames=clip.frames[:9], landmarks=clip.landmarks[:9], times=clip.times[:9])
    seen = found("anna", "one", few)
    assert (seen.own, seen.errors) == (None, ())
    assert "too short" in list(lines([seen]))[2]
    assert len(list(table([seen]))) == 2


def test_speakers_are_lines():
    clips = [
        Found("anna", "one", 3.0, Offset(0.08, 0.4), (0.001, -0.003), ""),
        Found("anna", "two", 3.0, Offset(0.04, 0.3), (0.002,), "is silent"),
    ]
    assert list(table(clips))[2:] == ["| anna | 2 | +60 | 20 | 2.0, 3 | 1 |"]
