"""Which of several faces is followed, and what is said where it is not there."""

from typing import NamedTuple

import numpy as np
import pytest

from avfuse.errors import InputError
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.choose import BACKENDS, OneFace, one_face, tracker_named
from avfuse.faces.tracker import Face
from avfuse.geometry.box import Box


class Frame(NamedTuple):
    image: np.ndarray
    time: float


BLACK = np.zeros((9, 9, 3), np.uint8)


class Scripted:
    """Sees, frame by frame, the tracks it is told."""

    def __init__(self, *script):
        self.script = script
        self.most = None

    def track(self, frames, most=1):
        self.most = most
        for frame, tracks in zip(frames, self.script, strict=True):
            yield frame, tuple(Face(Box(0, 0, 9, 9), 1.0, track=t) for t in tracks[:most])


def follow(one):
    frames = [Frame(BLACK, i / 25) for i in range(len(one._tracker.script))]
    tracked = list(one.track(frames))
    assert [frame for frame, _ in tracked] == frames
    return [face and face.track for _, face in tracked]


def test_the_largest_is_followed_at_the_cost_of_one():
    tracker = Scripted([0, 1], [0, 1], [0])
    assert follow(OneFace(tracker)) == [0, 0, 0]
    assert tracker.most == 1


def test_another_is_kept_while_it_lasts():
    tracker = Scripted([0, 1], [1], [1, 2], [0, 1, 2])
    assert follow(OneFace(tracker, 1)) == [1] * 4
    assert tracker.most == 2


def test_the_choice_waits_for_enough_faces_and_is_made_again_when_one_is_gone():
    tracker = Scripted([0], [0, 1], [0], [0, 2], [], [3, 4])
    assert follow(OneFace(tracker, 1)) == [None, 1, None, 2, None, 4]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([[], []], r"clip\.mp4: no face found; .*--box X0,Y0,X1,Y1"),
        ([[0], [0]], r"no face 2, at most 1 seen at a time; give --face-index 0$"),
        ([[0], [0, 1], []], r"no face 2, at most 2 seen at a time; give --face-index 0 to 1"),
    ],
)
def test_a_face_that_is_not_there(script, says):
    one = OneFace(Scripted(*script), 2)
    assert set(follow(one)) == {None}
    with pytest.raises(InputError, match=says):
        one.check_found("clip.mp4")


def test_a_face_that_was_there_is_enough():
    one = OneFace(Scripted([0], []))
    follow(one)
    one.check_found("clip.mp4")


def test_a_negative_index():
    with pytest.raises(InputError, match="face index -1 is negative"):
        one_face(index=-1)


def test_a_box_is_followed():
    [(_, face)] = one_face(box=(1.0, 1.0, 5.0, 5.0)).track([Frame(BLACK, 0.0)])
    assert face.box == (1, 1, 5, 5)


def test_a_box_and_an_index():
    with pytest.raises(InputError, match="both a box and face index 1"):
        one_face(index=1, box=(0.0, 0.0, 5.0, 5.0))


def test_a_box_that_is_none():
    with pytest.raises(InputError, match="is no rectangle"):
        one_face(box=(5.0, 0.0, 0.0, 5.0))


def test_names():
    assert isinstance(tracker_named("builtin"), BuiltinTracker)
    with pytest.raises(InputError, match=", ".join(BACKENDS)):
        tracker_named("dlib")


def test_auto_does_without_what_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert isinstance(tracker_named("auto"), BuiltinTracker)
    with pytest.raises(InputError, match="insightface"):
        tracker_named("insightface")
