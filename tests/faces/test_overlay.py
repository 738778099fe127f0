"""Drawings that can be seen on small and large frames, and touch nothing else."""

import numpy as np
import pytest

from avfuse.faces.overlay import draw
from avfuse.faces.tracker import Face
from avfuse.geometry.box import Box
from avfuse.geometry.dense import OUTER_LIPS, edges
from avfuse.geometry.face_model import face_model


def face(height, width, track=0, place=(0.5, 0.5), share=0.3):
    """A box around points on a circle."""
    side = share * min(height, width)
    x, y = place[0] * width, place[1] * height
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = np.stack([x + side / 3 * np.cos(angles), y + side / 3 * np.sin(angles)], 1)
    return Face(Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2), 0.875, points, track)


def meshed(height, width):
    """A face whose mesh is the mean one."""
    one = face(height, width, share=0.6)
    mean = face_model().mean.double().numpy()
    box = one.box
    middle = [(box.x0 + box.x1) / 2, box.y0 + 0.3 * box.side, 0]
    return one._replace(mesh=0.5 * box.side * mean + middle)


SIZES = [(288, 360), (1920, 1080)]


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_every_point_and_every_edge_shows(height, width, shade):
    image = np.full((height, width, 3), shade, np.uint8)
    one = face(height, width)
    drawn = draw(image, [one])
    assert (image == shade).all()
    x0, y0, x1, y1 = (round(edge) for edge in one.box)
    middle = round((x0 + x1) / 2), round((y0 + y1) / 2)
    reach = round(min(height, width) / 144)
    edges = [(x0, middle[1]), (x1, middle[1]), (middle[0], y0), (middle[0], y1)]
    for x, y in [*edges, *one.landmarks.round().astype(int)]:
        around = drawn[y - reach : y + reach + 1, x - reach : x + reach + 1].astype(int)
        assert np.ptp(around, axis=(0, 1)).max() > 100  # dark and light, side by side


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("shade", [0, 128])
def test_a_mesh_shows_with_every_edge_instead_of_landmarks(height, width, shade):
    image = np.full((height, width, 3), shade, np.uint8)
    one = meshed(height, width)
    drawn = draw(image, [one])
    np.testing.assert_array_equal(drawn, draw(image, [one._replace(landmarks=None)]))
    changed = np.abs(drawn.astype(int) - shade).max(-1)

    def seen(points):
        return [changed[y - 1 : y + 2, x - 1 : x + 2].max() for x, y in points.round().astype(int)]

    assert min(seen(one.mesh[edges(), :2].mean(1))) > 20
    assert min(seen(one.mesh[OUTER_LIPS, :2])) > 80


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_away_from_the_face_nothing_changes(height, width):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    drawn = draw(image, [face(height, width)])
    far = np.ones((height, width), bool)
    far[round(0.2 * height) : round(0.75 * height), round(0.25 * width) : round(0.9 * width)] = 0
    np.testing.assert_array_equal(drawn[far], image[far])
    np.testing.assert_array_equal(draw(image, []), image)


def test_tracks_are_told_apart():
    image = np.full((200, 200, 3), 90, np.uint8)
    one, two = (draw(image, [face(200, 200, track)]) for track in (0, 1))
    assert np.abs(one.astype(int) - two).max() > 60


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0), (0.5, -0.05), (1.2, 0.5)])
def test_a_face_that_leaves_the_frame_keeps_its_label(place):
    image = np.full((288, 360, 3), 90, np.uint8)
    without = face(288, 360, place=place)._replace(landmarks=None)
    assert (draw(image, [without]) != image).any(-1).sum() > 60
