"""Condition maps: lines where the points are."""

import pytest
import torch

from avfuse.geometry.face_model import face_model
from avfuse.methods.live_speech_portraits.condition_map import condition_maps
from avfuse.methods.live_speech_portraits.points import DENSE, LINES

SIZE = 128
NONE = torch.zeros(1, 0, 2)


@pytest.fixture
def face():
    return (face_model().mean[DENSE, :2] * 50 + torch.tensor([64.0, 50.0]))[None]


def test_points_and_middles_of_lines_are_bright(face):
    (drawn,) = condition_maps(face, NONE, SIZE)
    assert drawn.shape == (1, SIZE, SIZE)
    assert drawn.min() == 0
    assert 0.99 < drawn.max() <= 1
    for line in LINES:
        ends = face[0, line]
        for x, y in torch.cat([ends, (ends[1:] + ends[:-1]) / 2]).round().long():
            assert drawn[0, y - 1 : y + 2, x - 1 : x + 2].max() > 0.5


def test_nothing_else_is(face):
    drawn = condition_maps(face, NONE, SIZE)[0, 0]
    places = drawn.nonzero().flip(1).float()
    dense = torch.cat([torch.lerp(face[0, line][:-1, None], face[0, line][1:, None],
                                  torch.linspace(0, 1, 50)[None, :, None]).flatten(0, 1)
                       for line in LINES])  # fmt: skip
    assert torch.cdist(places, dense).min(1).values.max() < 2.5  # lines are soft


def test_a_fraction_of_a_pixel_shows(face):
    assert not torch.equal(condition_maps(face, NONE, SIZE), condition_maps(face + 0.3, NONE, SIZE))


def test_shoulders_are_two_lines(face):
    left = torch.stack([torch.linspace(5, 30, 9), torch.full((9,), 125.0)], 1)
    right = torch.stack([torch.linspace(98, 123, 9), torch.full((9,), 126.0)], 1)
    drawn = condition_maps(face, torch.cat([left, right])[None], SIZE)[0, 0]
    assert drawn[125, 5:30].min() > 0.5
    assert drawn[126, 98:123].min() > 0.5
    assert drawn[123:, 33:95].max() == 0  # no line joins the sides


def test_what_lies_outside_or_nowhere_is_no_error(face):
    far = torch.full_like(face, 1e9)
    nowhere = torch.full_like(face, torch.nan)
    assert condition_maps(torch.cat([far, nowhere]), NONE.expand(2, 0, 2), SIZE).isfinite().all()


def test_frames_are_drawn_each_by_itself(face):
    both = torch.cat([face, face + 5])
    shoulders = torch.zeros(2, 0, 2)
    drawn = condition_maps(both, shoulders, SIZE)
    assert torch.equal(drawn[1:], condition_maps(face + 5, NONE, SIZE))
