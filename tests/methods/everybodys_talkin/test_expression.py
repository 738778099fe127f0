"""What sound is turned to: a second of it, and numbers that become landmarks."""

import torch

from avfuse.methods.everybodys_talkin.expression import AudioToExpression, Coordinates, Expressions
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW, Face


def test_hears_the_whole_second():
    net = AudioToExpression(5, 6, 4)
    x = torch.randn(2, 80, 5, requires_grad=True)
    net(x).sum().backward()
    assert (x.grad.abs().sum((0, 2)) > 0).all()


class TestExpressions:
    def test_its_truth_is_what_was_fitted(self, shapes):
        face = Face(4, 6)
        expressions, fit = Expressions(face), face.fit(shapes)
        values = expressions.truth(shapes, fit)
        points = expressions.points(values, shapes, fit.identity, fit.camera)
        assert (points - shapes).norm(dim=-1).mean() < 0.02 * 32

    def test_mean_and_spread_are_those_of_the_data(self):
        expressions, truth = Expressions(Face(2, 3)), torch.randn(50, 3) * 3 + 1
        expressions.fit(truth)
        normal = (truth - truth.mean(0)) / truth.std(0)
        torch.testing.assert_close(expressions(normal), truth)

    def test_it_owns_no_face(self):
        """The face is the method's: it is saved once."""
        assert set(Expressions(Face(2, 3)).state_dict()) == {"mean", "spread"}


def test_coordinates_move_mouth_and_jaw_only(shapes):
    coordinates, fit = Coordinates(32), Face(2, 3).fit(shapes)
    moved = coordinates.truth(shapes, fit) + 2 / 32
    points = coordinates.points(moved, shapes, fit.identity, fit.camera)
    expected = shapes.clone()
    expected[:, MOUTH_AND_JAW] += 2
    torch.testing.assert_close(points, expected)
