"""Colours beside the skin's: exact, undone exactly, and alike under any light."""

import torch

from avfuse.methods.everybodys_talkin.skin import shaded, skin_shades


def test_log_odds_are_added():
    images, shades = torch.rand(2, 3, 8, 8), torch.randn(2, 3)
    wanted = (images.double().logit() + shades.double()[..., None, None]).sigmoid()
    torch.testing.assert_close(shaded(images, shades), wanted.float())
    torch.testing.assert_close(shaded(shaded(images, shades), -shades), images)
    assert torch.equal(shaded(images, torch.zeros(2, 3)), images)


def test_black_and_white_stay():
    ends = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2).expand(1, 3, 1, 2)
    torch.testing.assert_close(shaded(ends, torch.tensor([[2.0, -2.0, 0.5]])), ends)


def test_a_plain_face_has_the_shades_of_its_colour(shapes):
    colour = torch.tensor([0.7, 0.4, 0.3])
    face = colour[None, :, None, None].expand(len(shapes), 3, 32, 32)
    shades = skin_shades(face, shapes)
    torch.testing.assert_close(shades, colour.logit().expand_as(shades), rtol=1e-4, atol=1e-4)
    assert skin_shades(face * 0, shapes).isfinite().all()


def test_each_frame_is_by_itself(shapes):
    """Wherever a clip is cut, whoever else is in it and however near: the colours are the same."""
    images = torch.rand(len(shapes), 3, 32, 32)
    points = torch.cat([shapes[:1], 16 + 0.5 * (shapes[1:] - 16)])
    alone = torch.cat([skin_shades(i[None], p[None]) for i, p in zip(images, points, strict=True)])
    torch.testing.assert_close(skin_shades(images, points), alone)


def test_what_lies_below_the_nose_says_nothing_of_the_skin(shapes):
    """It is masked, or another's lips."""
    images = torch.rand(len(shapes), 3, 32, 32)
    other = images.clone()
    for picture, points in zip(other, shapes, strict=True):
        picture[:, int(points[33, 1]) + 6 :] = 0
    near = skin_shades(images, shapes) - skin_shades(other, shapes)
    assert near.abs().max() < 0.05


def test_other_light_is_the_same_picture_beside_the_skin(shapes):
    images, light = 0.2 + 0.6 * torch.rand(len(shapes), 3, 32, 32), torch.tensor([0.8, -0.5, 0.3])
    seen = [
        shaded(given, -skin_shades(given, shapes))
        for given in (images, shaded(images, light.expand(len(images), 3)))
    ]
    assert (seen[0] - seen[1]).abs().mean() < 0.02
