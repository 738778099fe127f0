"""Heat maps: the Gaussians' closed form, and gradients that move points where they should go."""

import torch

from avfuse.geometry.heatmaps import heatmaps


def test_is_the_closed_form_of_the_nearest_point():
    points = torch.tensor([[[3.0, 2.0], [7.5, 5.0]]])
    heat = heatmaps(points, 8, 12, 1.5)[0, 0]
    for x, y in ((3, 2), (7, 5), (0, 7), (11, 0)):
        distance = (points[0] - torch.tensor([x, y])).norm(dim=1).min()
        torch.testing.assert_close(heat[y, x], torch.exp(-((distance / 1.5) ** 2) / 2))


def test_what_lies_outside_is_not_seen():
    assert heatmaps(torch.full((1, 2, 2), -40.0), 8, 8, 1.0).max() < 1e-6


def test_descent_moves_points_onto_others():
    goal = torch.tensor([[[4.0, 5.0], [10.0, 9.0]]])
    points = (goal + torch.tensor([[[1.0, -1.5], [-1.0, 1.0]]])).requires_grad_()
    target = heatmaps(goal, 16, 16, 1.5)
    optimizer = torch.optim.Adam([points], 0.05)
    for _ in range(100):
        optimizer.zero_grad()
        (heatmaps(points, 16, 16, 1.5) - target).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(points.detach(), goal, atol=0.05, rtol=0)
