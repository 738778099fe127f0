"""The last frame of a window as it is trained, beside what generation draws."""

import pytest
import torch

from avfuse.methods.everybodys_talkin.painting import First, last_window, painted
from avfuse.types import Seen

SIZE, TIME = 32, 3


@pytest.mark.parametrize("options", [{}, {"colours": "skin", "first_frame": True}])
def test_training_draws_what_generation_draws(tiny, shapes, options):
    """The same last frame, from the same noise, landmarks and first frame."""
    method = tiny(history=TIME, **options)
    images, points = (torch.rand(TIME, SIZE, SIZE, 3) * 255).byte(), shapes[:TIME]
    identity = method.face.identify(points[:1])
    fit = method.face.fit(points, identity)
    method.still = 0.0
    method.smoothing = 1e9  # Algorithm 1 leaves landmarks as they are
    given, _ = method.guided(method.regressed.truth(points, fit), Seen(images, points), None)
    wanted = method.draw(None, given).colour[-1]
    video = images.permute(0, 3, 1, 2).float()[None] / 255
    spoken = method.face.project(identity, fit.expression, fit.camera)
    each = fit._replace(identity=identity.expand(TIME, -1))
    own = method.face.project(identity, fit.expression * 0, fit.camera)
    first = First(video[:, 0], points[:1])
    made = painted(method, video, each, spoken, method.noise, first)
    assert own.isfinite().all()
    torch.testing.assert_close(made[0], wanted, rtol=1e-3, atol=2e-3)


def test_the_first_frame_stands_for_those_before_it():
    layers = torch.arange(6.0).view(1, 2, 3, 1, 1)
    window = last_window(layers, 3)
    assert window.flatten().tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5]


def test_a_nudged_frame_keeps_its_landmarks_on_what_they_mark():
    """A white spot at a landmark is moved to where the landmark is."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    places = torch.tensor([[24.0, 30.0], [40.0, 36.0]])
    spots = torch.exp(-((x - places[:, :1, None]) ** 2 + (y - places[:, 1:, None]) ** 2) / 8)
    landmarks = places[:, None].expand(-1, 68, -1)
    moved = First(spots[:, None].expand(-1, 3, -1, -1), landmarks).nudged()
    found = torch.stack([(moved.images[:, 0] * axis).sum((1, 2)) for axis in (x, y)], 1)
    found = found / moved.images[:, 0].sum((1, 2))[:, None]
    torch.testing.assert_close(found, moved.landmarks[:, 0], atol=0.1, rtol=0)
    assert not torch.equal(moved.landmarks, landmarks)
