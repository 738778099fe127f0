"""Points joined by lines."""

import torch

from avfuse.geometry.lines import line_maps


def test_a_line_joins_its_points_and_no_others():
    points = torch.tensor([[[2.0, 5.0], [12.0, 5.0], [2.0, 12.0]]])
    (drawn,) = line_maps(points, [[0, 1]], 16)
    assert drawn[0, 5, 3:12].min() > 0.8
    assert drawn[0, 8:].max() == 0


def test_each_picture_is_drawn_by_itself_and_none_is_none():
    points = torch.rand(3, 4, 2) * 30
    lines = [[0, 1, 2], [2, 3]]
    drawn = line_maps(points, lines, 32)
    assert torch.equal(drawn[1:2], line_maps(points[1:2], lines, 32))
    assert line_maps(points[:0], lines, 32).shape == (0, 1, 32, 32)
