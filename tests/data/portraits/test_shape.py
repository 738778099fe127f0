"""A face at rest and moved: lips that close, meet and never cross, and points that follow."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse.data.dense_labels import read_faces
from avfuse.data.portraits.motion import LOWER, UPPER, speech
from avfuse.data.portraits.shape import rest_of
from avfuse.geometry import dense
from avfuse.geometry.face_model import face_model

SHARED = Path(__file__).parents[4] / "shared" / "data" / "portraits"
OPEN = [2.0, -1.5, 0.5]
STILL = torch.zeros(468, 3)


def spoken(seed, strength=1.0):
    """What a random expression moves."""
    generator = torch.Generator().manual_seed(seed)
    expression = strength * torch.randn(len(speech()), generator=generator)
    return torch.einsum("l,lpd->pd", expression, speech())


@pytest.mark.parametrize("who", range(4))
def test_closed_lips_stay(seen, who):
    points = seen(who).points
    away = rest_of(points).driven(STILL) - points
    assert np.abs(away[:, :2]).max() < 1.0  # of 66 pixels a unit


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.1, 0.3, -0.2)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_open_lips_close(seen, gap, turn, sign):
    points = seen(1, [sign * e for e in OPEN], turn).points
    assert gap(rest_of(points).driven(STILL)).max() < 0.1


def test_the_jaw_closes_with_them(seen, gap):
    points = seen(2, OPEN).points
    if gap(points).mean() < 3:
        points = seen(2, [-e for e in OPEN]).points
    assert gap(points).mean() > 3
    closed = rest_of(points).driven(STILL)
    assert closed[152, 1] < points[152, 1] - 1  # the chin
    assert np.abs(closed - points)[dense.JAW[[0, -1]]].max() < 0.5  # at the ears


@pytest.mark.parametrize("seed", range(6))
def test_lips_never_cross(seen, seed):
    shape = rest_of(seen(seed).points).driven(spoken(seed, 1.5))
    assert (shape[LOWER, 1] - shape[UPPER, 1]).min() > -0.05  # pixels


def test_what_does_not_move_stays_to_the_last_bit(seen):
    points = seen(3, OPEN, (0.1, 0.2, 0.3)).points
    held = (face_model().mean[:, 1] < 0.45).numpy()
    driven = rest_of(points).driven(spoken(3))
    np.testing.assert_array_equal(driven[held], points[held])
    assert (driven[~held] != points[~held]).mean() > 0.9


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.15, -0.35, 0.2)])
def test_motion_turns_with_the_head(seen, turn):
    """As the camera would see it: rotation and scale of the head that moves."""
    face = seen(4, None, turn)
    rest, moved = rest_of(face.points), spoken(4)
    away = rest.driven(moved) - rest.driven(STILL)
    placed = face.camera.placed(torch.stack([face.shape + moved, face.shape]))
    want = (placed[0] - placed[1]).numpy()
    free = np.setdiff1d(np.arange(468), dense.INNER_LIPS)  # which may touch
    np.testing.assert_allclose(away[free], want[free], atol=0.7)
    assert np.abs(want).max() > 3.5


@pytest.mark.skipif(not SHARED.is_dir(), reason="no labelled portraits here")
def test_real_portraits_close_their_lips(gap):
    faces = read_faces(SHARED / "mesh.npz")[::8]
    assert np.mean([gap(face).max() > 2 for face in faces]) > 0.7  # most of them smile
    assert max(gap(rest_of(face).driven(STILL)).max() for face in faces) < 0.01
