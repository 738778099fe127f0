"""The builtin tracker, on drawn faces and, where they are, on real ones."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from avfuse.data.synthetic import synthetic_clip
from avfuse.faces.builtin import BuiltinTracker
from avfuse.faces.cascade import Cascade
from avfuse.faces.tracker import FaceTracker
from avfuse.geometry.box import Box, box_from_landmarks
from avfuse.video.read import frames as decode

DATA = Path(__file__).parents[3] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
CLIPS = (
    "s1__bbaf2n", "s2__bgauza", "s3__*", "s4__*", "s14__*", "s17__*", "s22__*", "s23__lrwp9a"
)  # fmt: skip


class Frame(NamedTuple):
    image: np.ndarray
    time: float


def video(images, start=0):
    return [Frame(np.asarray(image), i / 25) for i, image in enumerate(images, start)]


def still(image, count, start=0, noise=0.0):
    random = np.random.default_rng(0)
    grain = [random.normal(0, noise, image.shape) for _ in range(count)]
    return video([(image + g).clip(0, 255).astype(np.uint8) for g in grain], start)


def track_all(frames, most):
    return [faces for _, faces in BuiltinTracker().track(frames, most)]


def track(frames):
    """One face, or None."""
    tracked = track_all(frames, most=1)
    assert all(len(faces) <= 1 for faces in tracked)
    return [next(iter(faces), None) for faces in tracked]


def centre_and_side(box):
    return np.array([(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.side])


def box_error(box, landmarks):
    """Distance of the centres and difference of the sides, as shares of the true side."""
    truth = centre_and_side(box_from_landmarks(landmarks))
    difference = (centre_and_side(box) - truth) / truth[2]
    return np.hypot(*difference[:2]), abs(difference[2])


def landmark_error(points, target):
    """Percent of the distance between the outer corners of the eyes."""
    eyes = np.linalg.norm(target[45] - target[36])
    return 100 * np.linalg.norm(points - target, axis=-1).mean() / eyes


def beside(left, right):
    """Two pictures in one, on grey."""
    canvas = np.full(
        (max(left.shape[0], right.shape[0]), left.shape[1] + right.shape[1], 3), 128, np.uint8
    )
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], left.shape[1] :] = right
    return canvas


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip(900_001, seconds=0.6)


@pytest.fixture(scope="module")
def other():
    return synthetic_clip(900_002, seconds=0.3)


def test_is_a_face_tracker():
    assert isinstance(BuiltinTracker(), FaceTracker)


@pytest.mark.parametrize("seed", [900_001, 900_002, 900_003])
def test_follows_a_drawn_face(seed):
    clip = synthetic_clip(seed, seconds=0.6)
    frames = video(clip.frames)
    tracked = list(BuiltinTracker().track(frames))
    assert [frame for frame, _ in tracked] == frames
    for (_, (face,)), landmarks in zip(tracked, clip.landmarks.astype(float), strict=True):
        centre, side = box_error(face.box, landmarks)
        assert centre < 0.05
        assert side < 0.08
        assert face.landmarks.shape == (68, 2)
        assert landmark_error(face.landmarks, landmarks) < 5
        assert 0.5 < face.confidence <= 1


def test_does_not_swim_on_a_still(clip):
    faces = track(still(clip.frames[0], 20, noise=4))
    boxes = np.array([centre_and_side(face.box) for face in faces])
    points = np.array([face.landmarks for face in faces])
    assert np.abs(np.diff(boxes, axis=0)).max() <= 0.3
    assert np.linalg.norm(points - points.mean(0), axis=-1).mean() <= 0.3


@pytest.mark.parametrize("angle", [-25, 25])
def test_follows_a_head_as_it_tilts(clip, angle):
    """The cascade knows upright heads; the network goes on from there."""
    image, points = clip.frames[0], clip.landmarks[0].astype(float)
    turns = [
        cv2.getRotationMatrix2D(tuple(points.mean(0)), angle * share, 1.0)
        for share in np.linspace(0, 1, 20)
    ]
    size = image.shape[1::-1]
    faces = track(video(cv2.warpAffine(image, turn, size) for turn in turns))
    for turn, face in zip(turns, faces, strict=True):
        assert landmark_error(face.landmarks, points @ turn[:, :2].T + turn[:, 2]) < 6


def test_a_cut_starts_anew(clip, other):
    frames = [*video(clip.frames[:8]), *video(other.frames, start=8)]
    together, apart = track(frames), track(frames[:8]) + track(frames[8:])
    for one, two in zip(together, apart, strict=True):
        np.testing.assert_allclose(one.box, two.box, atol=1e-6)
        np.testing.assert_allclose(one.landmarks, two.landmarks, atol=1e-6)


def test_no_face_is_none():
    assert track(still(np.full((90, 160, 3), 128, np.uint8), 5)) == [None] * 5
    noise = np.random.default_rng(0).integers(0, 256, (3, 120, 160, 3), np.uint8)
    assert track(video(noise)) == [None] * 3


def hidden(image, landmarks, share=1.0):
    """The frame with a board held in front of the face, from below."""
    x0, y0, x1, y1 = (round(edge) for edge in box_from_landmarks(landmarks.astype(float)))
    image = image.copy()
    image[max(round(y1 - share * (y1 - y0)), 0) : y1, max(x0, 0) : x1] = (90, 120, 90)
    return image


def passing_board(image, landmarks, count):
    """It comes and goes in two frames each, and covers the face for some."""
    shares = [1 / 3, 2 / 3, *[1.0] * count, 2 / 3, 1 / 3]
    return [hidden(image, landmarks, share) for share in shares]


@pytest.mark.parametrize(("gap", "bridged"), [(4, True), (14, False)])
def test_a_hidden_face_is_bridged_when_it_soon_returns(clip, gap, bridged):
    image, landmarks = clip.frames[0], clip.landmarks[0].astype(float)
    board = passing_board(image, landmarks, gap)
    faces = track(video([*[image] * 8, *board, *[image] * 10]))
    covered = faces[10 : 10 + gap]
    assert all(faces[:8])
    assert all((one is not None) == bridged for one in covered)
    assert all(faces[-7:])  # looked for ten times a second
    for one in covered if bridged else ():
        assert box_error(one.box, landmarks)[0] < 0.06
        assert one.confidence < faces[0].confidence
        assert one.presence == 1
        assert one.track == faces[0].track == faces[-1].track


def test_a_face_that_leaves_and_returns(clip):
    face, nobody = clip.frames[0], np.full_like(clip.frames[0], 128)
    frames = [*still(face, 5), *still(nobody, 15, 5), *still(face, 10, 20)]
    found = [one is not None for one in track(frames)]
    assert found[:5] == [True] * 5
    assert not any(found[5:20])
    assert all(found[23:])


@pytest.mark.parametrize("largest_left", [True, False])
def test_follows_the_largest_of_two(clip, other, largest_left):
    small = cv2.resize(other.frames[0], None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    large = clip.frames[0]
    image = beside(large, small) if largest_left else beside(small, large)
    offset = 0 if largest_left else small.shape[1]
    truth = clip.landmarks[0].astype(float) + np.array([offset, 0])
    for face in track(still(image, 4)):
        assert box_error(face.box, truth)[0] < 0.06


def two_people(clip, other):
    """A larger face on the right, a smaller one on the left, and where their landmarks are."""
    small = cv2.resize(other.frames[0], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    landmarks = other.landmarks[0] * 0.6, clip.landmarks[0] + np.array([small.shape[1], 0.0])
    return beside(small, clip.frames[0]), *landmarks


def test_several_are_followed_the_largest_first(clip, other):
    image, small, large = two_people(clip, other)
    for faces in track_all(still(image, 6, noise=2), most=5):
        assert [face.track for face in faces] == [0, 1]
        for face, truth in zip(faces, (large, small), strict=True):
            assert box_error(face.box, truth)[0] < 0.06
            assert landmark_error(face.landmarks, truth) < 6


def test_the_largest_is_told_by_its_landmarks(clip, other, monkeypatch):
    """The cascade's own sizes are off by 15 %, so its order may be another."""
    image, small, large = two_people(clip, other)
    find = Cascade.find
    monkeypatch.setattr(Cascade, "find", lambda *given: find(*given)[::-1])
    [faces] = track_all(video([image]), most=2)
    for face, truth in zip(faces, (large, small), strict=True):
        assert box_error(face.box, truth)[0] < 0.06


def test_no_more_are_followed_than_asked_for(clip, other):
    image, _, large = two_people(clip, other)
    for (face,) in track_all(still(image, 3), most=1):
        assert box_error(face.box, large)[0] < 0.06


def test_following_one_searches_once(clip, monkeypatch):
    searches, find = [], Cascade.find
    monkeypatch.setattr(Cascade, "find", lambda *given: searches.append(1) or find(*given))
    track(video(clip.frames))
    assert len(searches) == 1
    track_all(video(clip.frames), most=2)
    assert len(searches) == 1 + 2  # at the start, and half a second later


def test_a_larger_face_that_enters_does_not_take_over(clip, other):
    """She slides in from the right."""
    image, small, _ = two_people(clip, other)
    width = image.shape[1]
    alone = image.copy()
    alone[:, other.frames[0].shape[1] * 6 // 10 :] = 128
    steps = [*[width] * 5, *range(width, 0, -8), *[0] * 15]
    images = [np.concatenate([alone[:, :154], slid(image[:, 154:], x)], 1) for x in steps]
    for face in track(video(images)):
        assert box_error(face.box, small)[0] < 0.06
    tracks = [[face.track for face in faces] for faces in track_all(video(images), most=2)]
    assert tracks[0] == [0]
    assert tracks[-1] == [0, 1]


def slid(image, by):
    """Moved to the right; grey comes in from the left."""
    grey = np.full((image.shape[0], by, 3), 128, np.uint8)
    return np.concatenate([grey, image], 1)[:, : image.shape[1]]


def test_a_face_that_slides_out_of_the_frame(clip):
    image = clip.frames[0]
    faces = track(video(slid(image, x) for x in range(0, image.shape[1] + 60, 6)))
    found = [face is not None for face in faces]
    assert all(found[:10])
    assert not any(found[-8:])
    end = found.index(False)
    assert not any(found[end:])
    presence = [face.presence for face in faces[:end]]
    assert presence[-5:-1] == sorted(presence[-5:-1], reverse=True)
    assert presence[-1] < 0.2
    assert set(presence[:-5]) == {1.0}


def test_a_hand_before_the_face_does_not_hand_over(clip, other):
    """A bystander is in the frame; the speaker is hidden for a moment."""
    image, _, large = two_people(clip, other)
    faces = track(video([*[image] * 8, *passing_board(image, large, 4), *[image] * 8]))
    assert {face.track for face in faces} == {0}
    for face in faces:
        assert box_error(face.box, large)[0] < 0.06
        assert face.presence == 1


def test_another_takes_over_when_a_face_is_gone(clip, other):
    image, small, large = two_people(clip, other)
    faces = track(video([*[image] * 8, *passing_board(image, large, 25)[:-2]]))
    assert {face.track for face in faces[:8]} == {0}
    assert {face.track for face in faces[-10:]} == {1}
    assert box_error(faces[-1].box, small)[0] < 0.06


def test_noise_in_the_middle_passes(clip):
    noise = np.random.default_rng(0).integers(0, 256, (25, *clip.frames[0].shape), np.uint8)
    frames = [*video(clip.frames[:8]), *video(noise, 8), *video(clip.frames[8:], 33)]
    faces = track(frames)
    assert faces[8:33] == [None] * 25
    assert all(face and face.presence == 1 for face in [*faces[:8], *faces[33:]])


def test_a_false_find_is_refused(clip, monkeypatch):
    """What the cascade takes for the largest face may be a pattern on a wall."""
    truth = box_from_landmarks(clip.landmarks[0].astype(float))
    wall = Box(-200.0, -200.0, 20.0, 20.0)
    monkeypatch.setattr("avfuse.faces.finder.Cascade.find", lambda _, image: [wall, truth])
    [face] = track(still(clip.frames[0], 1))
    assert box_error(face.box, clip.landmarks[0].astype(float))[0] < 0.06


@real
@pytest.mark.parametrize("name", CLIPS)
def test_grid(name):
    path = next(iter(sorted((DATA / "landmarks").glob(f"{name}.npz"))), None)
    if path is None:
        pytest.skip(f"no {name} here")
    speaker, clip = path.stem.split("__")
    faces = track(decode(DATA / "grid" / speaker / f"{clip}.mpg"))
    with np.load(path) as file:
        labels = file["landmarks"][:, :, :2].astype(float)
    assert all(faces)
    errors = [box_error(f.box, points) for f, points in zip(faces, labels, strict=True)]
    centre, side = np.quantile(errors, 0.9, axis=0)
    assert centre < 0.02
    assert side < 0.04


@real
def test_two_speakers_side_by_side():
    """Each as if alone, and together through a cut."""
    names = "s1/bbaf2n", "s2/bgauza"
    clips = [[f.image for f in decode(DATA / "grid" / f"{name}.mpg")][:30] for name in names]
    together = video(np.concatenate(pair, 1) for pair in zip(*clips, strict=True))
    alone = [track(video(clip)) for clip in clips]
    for both, *each in zip(track_all(together, most=4), *alone, strict=True):
        assert len(both) == 2
        places = sorted(both, key=lambda face: face.box.x0)
        for face, one, offset in zip(places, each, (0, 360), strict=True):
            assert np.linalg.norm(face.landmarks - (offset, 0) - one.landmarks, axis=1).max() < 3
    cut = track([*video(clips[0][:15]), *video(clips[1][:15], 15)])
    assert [face.track for face in cut] == [0] * 15 + [1] * 15
    assert {face.presence for face in cut} == {1.0}


@real
def test_photo():
    image = cv2.imread(str(DATA / "photos" / "astronaut.png"))[:, :, ::-1].copy()
    [face] = track(still(image, 1))
    x, y, side = centre_and_side(face.box)
    # Between her eyes, at y = 101, and her mouth's corners, at y = 142.
    assert (x, y) == pytest.approx((224, 131), abs=6)
    assert 85 < side < 125
