"""Smoothing: no lag, no swimming, nothing across cuts, short gaps bridged, bounded memory."""

from typing import NamedTuple

import numpy as np
import pytest

from avfuse.faces.smooth import LOOK_AHEAD, Seen, Sighting, smooth
from avfuse.geometry.box import Box


class Frame(NamedTuple):
    image: np.ndarray
    time: float


IMAGE = np.zeros((4, 4, 3), np.uint8)


def square(x, y=100.0, side=80.0):
    return Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def run_all(seen, fps=25.0):
    frames = [Frame(IMAGE, i / fps) for i in range(len(seen))]
    result = list(smooth(zip(frames, seen, strict=True)))
    assert [frame.time for frame, _ in result] == [frame.time for frame in frames]
    return [faces for _, faces in result]


def run(sightings, fps=25.0):
    """At most one face a frame, all of one shot."""
    result = run_all([Seen(0, (s,) if s else ()) for s in sightings], fps)
    assert all(len(faces) <= 1 for faces in result)
    return [next(iter(faces), None) for faces in result]


def seen(boxes, track=1):
    return [Sighting(box, 1.0, track) for box in boxes]


def centres(faces):
    return np.array([(face.box.x0 + face.box.x1) / 2 for face in faces])


def test_noise_on_a_still_face_does_not_swim():
    x = 100 + np.random.default_rng(0).normal(0, 1, 100)
    result = centres(run(seen(map(square, x))))
    assert np.abs(np.diff(result)).max() < 0.3
    assert np.abs(result - 100).max() < 1.2


@pytest.mark.parametrize("fps", [10.0, 25.0, 60.0])
def test_a_moving_face_is_not_lagged_behind(fps):
    x = 100 + 60 * np.arange(int(3 * fps)) / fps
    result = centres(run(seen(map(square, x)), fps))
    inside = slice(int(0.4 * fps) + 1, -int(0.4 * fps) - 1)
    np.testing.assert_allclose(result[inside], x[inside], atol=0.01)
    np.testing.assert_allclose(result, x, atol=6)  # a mean would be off by 8 at the ends


def test_an_outlier_is_passed_over():
    boxes = [square(100.0)] * 40
    boxes[20] = square(130.0)
    assert np.abs(centres(run(seen(boxes))) - 100).max() < 1


def test_a_constant_box_stays_to_the_last_bit_that_matters():
    for face in run(seen([square(100.3, side=81.7)] * 30)):
        np.testing.assert_allclose(face.box, square(100.3, side=81.7), atol=1e-6)
        assert face.confidence == pytest.approx(1)


def test_nothing_is_smoothed_across_a_cut():
    sightings = seen([square(100.0)] * 20) + seen([square(300.0)] * 20, track=2)
    result = centres(run(sightings))
    np.testing.assert_allclose(result, [100] * 20 + [300] * 20, atol=1e-6)


@pytest.mark.parametrize(("gap", "bridged"), [(1, True), (8, True), (12, False)])
def test_short_gaps_are_bridged(gap, bridged):
    x = 100 + np.arange(60.0)
    sightings = seen(map(square, x))
    sightings[25 : 25 + gap] = [None] * gap
    result = run(sightings)
    inside = result[25 : 25 + gap]
    assert all((face is not None) == bridged for face in inside)
    if bridged:
        np.testing.assert_allclose(centres(inside), x[25 : 25 + gap], atol=1.5)
        assert all(face.confidence < 1 for face in inside)


def test_gaps_at_the_ends_and_between_tracks_stay_open():
    sightings = [None, None, *seen([square(1.0)] * 3), None, *seen([square(9.0)] * 3, 2), None]
    missing = [face is None for face in run(sightings)]
    assert missing == [True, True, *[False] * 3, True, *[False] * 3, True]


def test_one_frame_and_none():
    assert run([]) == []
    [face] = run(seen([square(7.0)]))
    assert face.box == pytest.approx(square(7.0))


@pytest.mark.parametrize("fps", [25.0, 1000.0])
def test_holds_back_a_bounded_number_of_frames(fps):
    given = 0

    def endless():
        nonlocal given
        while True:
            given += 1
            yield Frame(IMAGE, given / fps), Seen(0, (Sighting(square(1.0), 1.0, 1),))

    for done, _ in enumerate(smooth(endless())):
        assert given - done <= LOOK_AHEAD + 1
        if done > 200:
            break


def read(landmarks, track=1):
    return [Sighting(square(100.0), 1.0, track, points) for points in landmarks]


def test_landmarks_at_rest_are_steadied():
    still = np.random.default_rng(0).uniform(60, 140, (68, 2))
    noisy = still + np.random.default_rng(1).normal(0, 0.2, (60, 68, 2))
    result = np.array([face.landmarks for face in run(read(noisy))])
    assert np.std(result - still) < 0.6 * np.std(noisy - still)


def test_lips_that_speak_are_neither_lagged_nor_damped():
    points = np.tile(np.random.default_rng(0).uniform(60, 140, (68, 2)), (50, 1, 1))
    points[:, 57, 1] += 8 * np.sin(2 * np.pi * 4 * np.arange(50) / 25)
    result = np.array([face.landmarks for face in run(read(points))])
    np.testing.assert_allclose(result, points, atol=0.3)


def test_landmarks_of_a_bridged_gap_lie_between_their_neighbours():
    points = np.arange(20.0)[:, None, None] * np.ones((68, 2)) * 5
    sightings = read(points)
    sightings[8:11] = [None] * 3
    for i, face in enumerate(run(sightings)):
        np.testing.assert_allclose(face.landmarks, points[i], atol=0.1)


def test_without_landmarks_none_are_made_up():
    assert all(face.landmarks is None for face in run(seen([square(100.0)] * 5)))


FADE = np.array([0.104, 0.352, 0.648, 0.896])  # 3 s² - 2 s³ at each fifth of the way


def presences(faces):
    return [face.presence if face else 0.0 for face in faces]


def test_a_face_fades_in_and_out_around_a_gap():
    sightings = seen([square(100.0)] * 40)
    sightings[15:27] = [None] * 12
    expected = [*[1.0] * 11, *FADE[::-1], *[0.0] * 12, *FADE, *[1.0] * 9]
    assert presences(run(sightings)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("fps", [12.5, 25.0, 50.0])
def test_fades_take_a_fifth_of_a_second(fps):
    count = round(fps)
    sightings = [*seen([square(100.0)] * count), *[None] * count]
    presence = np.array(presences(run(sightings, fps)))
    left = (count - np.arange(count)) / fps  # seconds until the face is gone
    assert (presence[:count][left >= 0.2] == 1).all()
    assert (np.diff(presence[:count][left < 0.2]) < 0).all()
    assert presence[count - 1] < 0.4


def test_nothing_fades_at_the_ends_of_a_clip_or_around_a_bridged_gap():
    sightings = seen([square(100.0)] * 40)
    sightings[15:24] = [None] * 9
    assert presences(run(sightings)) == [1.0] * 40


def test_nothing_fades_where_a_face_comes_and_goes_with_the_shot():
    face, nobody = Seen(1, tuple(seen([square(100.0)]))), [Seen(0)] * 20
    result = run_all([*nobody, *[face] * 20, *[Seen(2)] * 20])
    assert [len(faces) for faces in result] == [0] * 20 + [1] * 20 + [0] * 20
    assert all(one.presence == 1 for (one,) in result[20:40])
    assert all(one.confidence == pytest.approx(1) for (one,) in result[20:40])


def test_a_face_that_is_lost_within_a_shot_that_then_ends_fades():
    face = Seen(0, tuple(seen([square(100.0)])))
    result = run_all([*[face] * 20, *[Seen(0)] * 2, *[Seen(1)] * 20])
    faded = [one.presence for (one,) in result[:20]]
    assert faded == pytest.approx([1.0] * 16 + [*FADE[::-1]], abs=1e-3)


def test_each_of_several_tracks_is_as_if_alone():
    random = np.random.default_rng(0)
    left = seen(map(square, random.normal(100, 1, 40)), track=0)
    right = seen(map(square, random.normal(300, 1, 40)), track=1)
    left[10:15], right[20:35] = [None] * 5, [None] * 15
    pairs = zip(left, right, strict=True)
    together = run_all([Seen(0, tuple(s for s in pair if s)) for pair in pairs])
    for i, (faces, *alone) in enumerate(zip(together, run(left), run(right), strict=True)):
        assert [face.track for face in faces] == ([0] if 20 <= i < 35 else [0, 1])
        assert faces == tuple(face for face in alone if face)
