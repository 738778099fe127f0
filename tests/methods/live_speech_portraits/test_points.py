"""The 73 points: as many as the paper's, and a face that its mirror image maps onto itself."""

import numpy as np

from avfuse.geometry import dense
from avfuse.geometry.face_model import face_model
from avfuse.methods.live_speech_portraits import points


def test_are_73_of_which_25_speak():
    assert len(points.DENSE) == len(set(points.DENSE.tolist())) == 73
    assert len(points.MOUTH) == 25
    assert sorted([*points.MOUTH, *points.REST]) == list(range(73))


def test_are_the_same_in_a_mirror():
    assert set(dense.mirrored()[points.DENSE]) == set(points.DENSE)
    assert set(dense.mirrored()[points.DENSE[points.MOUTH]]) == set(points.DENSE[points.MOUTH])


def test_every_point_is_on_a_line():
    assert {point for line in points.LINES for point in line} == set(range(73))


def test_lines_are_short():
    """Neighbours on a line are neighbours in the face, so it is no scribble."""
    face = face_model().mean[points.DENSE].numpy()
    for line in points.LINES:
        steps = np.linalg.norm(np.diff(face[line], axis=0), axis=1)
        assert steps.max() < 0.45  # of the outer eye corners' distance


def test_speech_moves_the_mouth():
    model = face_model()
    spread = model.expression.square().sum((0, 2)).sqrt()[points.DENSE]
    assert spread[points.MOUTH].mean() > spread[points.REST].mean()
