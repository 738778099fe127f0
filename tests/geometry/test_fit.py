"""The fit: exact on projections, sure of what it cannot know, and no pose in expressions."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse.data.synthetic.identity import random_identity
from avfuse.data.synthetic.mouth import Lips
from avfuse.data.synthetic.pose import Pose
from avfuse.data.synthetic.render import Expression, Renderer
from avfuse.errors import InputError
from avfuse.geometry.camera import Pinhole, WeakPerspective
from avfuse.geometry.dense import LANDMARKS, POINTS
from avfuse.geometry.face_model import face_model
from avfuse.geometry.fit import NOISE, fit_face, fit_face_and_focal

SHARED = Path(__file__).parents[3] / "shared" / "data" / "mesh"
FRAMES = 12


@pytest.fixture(scope="module")
def model():
    return face_model().first(20, 10).to(torch.float64)


def rand(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def person(model):
    return 0.7 * rand(len(model.identity), seed=0)


@pytest.fixture
def moments(model):
    return 0.7 * rand(FRAMES, len(model.expression), seed=1)


@pytest.fixture
def far():
    turns, places = 0.25 * rand(FRAMES, 3, seed=2), 200 + 20 * rand(FRAMES, 2, seed=3)
    return WeakPerspective.of(torch.cat([turns, places, 150 + 5 * rand(FRAMES, 1, seed=4)], 1))


class TestKnownProjections:
    @pytest.mark.parametrize("points", [POINTS, 68])
    def test_finds_everything(self, model, person, moments, far, points):
        which = torch.arange(POINTS) if points == POINTS else model.landmarks
        seen = far.project(model.shape(person, moments))[:, which]
        found = fit_face(seen, model, noise=1e-6)
        torch.testing.assert_close(found.identity, person, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.expression, moments, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.camera.numbers, far.numbers, atol=1e-4, rtol=1e-6)

    def test_finds_the_focal_length(self, model, person, moments, far):
        lens = Pinhole.like(far, 700.0, torch.tensor([319.5, 239.5], dtype=torch.float64))
        seen = lens.project(model.shape(person, moments))
        found = fit_face_and_focal(seen, model, 640, 480, noise=1e-4)
        assert found.camera.focal == pytest.approx(700, rel=0.01)
        again = found.camera.project(model.shape(found.identity, found.expression))
        assert (again - seen).abs().max() < 0.05
        torch.testing.assert_close(found.camera.translation, lens.translation, rtol=0.02, atol=0.02)

    def test_under_noise_is_as_good_as_the_noise_allows(self, model, person, moments, far):
        """Shapes in space, from points a hundredth of the eyes' distance off."""
        shapes = model.shape(person, moments)
        seen = far.project(shapes)
        noisy = seen + NOISE * far.scale[:, None, None] * rand(*seen.shape, seed=5)
        found = fit_face(noisy, model)
        error = model.shape(found.identity, found.expression) - shapes
        assert error.square().sum(-1).mean().sqrt() < NOISE

    def test_no_expression_in_a_head_that_only_moves(self, model, person, far):
        still = model.shape(person, torch.zeros(FRAMES, 10).double())
        found = fit_face(far.project(still), model, noise=1e-4)
        assert found.expression.abs().max() < 1e-2

    def test_cut_anywhere_frames_share_one_identity(self, model, person, far):
        """More frames than are taken at a time give what they would together."""
        moments = 0.7 * rand(70, len(model.expression), seed=6)
        camera = WeakPerspective(*(part[torch.arange(70) % FRAMES] for part in far))
        seen = camera.project(model.shape(person, moments))[:, model.landmarks]
        found = fit_face(seen, model, noise=1e-6)
        torch.testing.assert_close(found.identity, person, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.expression, moments, atol=1e-4, rtol=0)

    def test_one_frame_keeps_to_what_is_likely(self, model, person, moments, far):
        seen = far.at(slice(1)).project(model.shape(person, moments[:1]))
        found = fit_face(seen, model)
        seen_again = found.camera.project(model.shape(found.identity, found.expression))
        assert (seen_again - seen).norm(dim=-1).max() < 3 * NOISE * 150
        assert found.identity.square().mean() < 1.5
        assert found.expression.square().mean() < 1.5

    def test_refuses_other_points(self, model):
        with pytest.raises(InputError, match="5 points are seen; expected the 68, or all 468"):
            fit_face(torch.zeros(2, 5, 2), model)


def test_least_squares_cannot_be_bettered(model, person, moments, far):
    """At what was found, the cost has no slope (by autograd)."""
    seen = far.project(model.shape(person, moments)) + rand(FRAMES, POINTS, 2, seed=7)
    found = fit_face(seen, model)
    unknowns = [found.identity, found.expression, torch.zeros(FRAMES, 6).double()]
    for unknown in unknowns:
        unknown.requires_grad_()
    projected = found.camera.moved(unknowns[2]).project(model.shape(*unknowns[:2]))
    errors = (seen - projected) / (NOISE * found.camera.unit)[:, None, None]
    cost = errors.square().sum() + sum(part.square().sum() for part in unknowns[:2])
    cost.backward()
    assert cost.item() == pytest.approx(found.cost)
    for unknown in unknowns:
        assert unknown.grad.abs().max() < 1e-4 * cost.item()


class Puppet:
    """A procedural head, posed at will; its shape is none that the model was learnt from."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.who = random_identity(rng)
        self.renderer = Renderer(self.who, 64, rng)

    def film(self, yaw=0.0, pitch=0.0, aperture=0.0):
        """Landmarks of a head that swings once to either side, and of its mouth."""
        return torch.from_numpy(
            np.stack([self._frame(s * yaw, s * pitch, abs(s) * aperture) for s in self.swing])
        )

    swing = np.sin(np.linspace(0, 2 * np.pi, 25))

    def _frame(self, yaw, pitch, aperture):
        lips = Lips(self.who, aperture * self.who.opening, 0.0, 0.0, 0.0)
        pose = Pose((0.0, 0.0), 1.0, 0.0, *np.radians([yaw, pitch]))
        return self.renderer.landmarks(pose, Expression(0.8, (0.0, 0.0), lips))


def movement(film):
    """How far expressions move a point, and how far they open the lips, in the model's unit."""
    model = face_model().to(torch.float64)
    found = fit_face(film, model)
    weights = found.expression - found.expression.mean(0)
    moved = torch.einsum("tl,lpd->tpd", weights, model.expression)
    gap = (moved[:, LANDMARKS[66]] - moved[:, LANDMARKS[62]])[:, 1]
    return float(moved.square().sum(-1).mean().sqrt()), float(gap.std())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_still_mouth_stays_still_while_the_head_nods_and_shakes(seed):
    puppet = Puppet(seed)
    spoken, opened = movement(puppet.film(aperture=1.0))
    for turns in ({"yaw": 12.0}, {"pitch": 12.0}):
        moved, gap = movement(puppet.film(**turns))
        assert moved < NOISE < spoken
        assert gap < 0.06 * opened


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_head_that_only_speaks_does_not_turn(seed):
    found = fit_face(Puppet(seed).film(aperture=1.0), face_model())
    turned = torch.rad2deg(found.camera.numbers[:, :3])
    assert (turned - turned.mean(0)).abs().max() < 1
    assert (found.camera.scale / found.camera.scale.mean() - 1).abs().max() < 0.02


@pytest.mark.skipif(not SHARED.is_dir(), reason="no labelled clips here")
class TestRealClips:
    """Of people whom the model was not learnt from."""

    @pytest.mark.parametrize("name", ["s3__sbia1a", "s14__lrwq7p"])
    def test_the_68_tell_where_all_points_lie(self, name):
        with np.load(SHARED / f"{name}.npz", allow_pickle=False) as file:
            points = torch.from_numpy(file["points"][::5, :POINTS].astype(np.float64) / 16)
        model = face_model().to(torch.float64)
        seen = points[..., :2]
        found = fit_face(seen[:, model.landmarks], model)
        again = found.camera.project(model.shape(found.identity, found.expression))
        unit = found.camera.unit[:, None]
        far_off = ((again - seen).norm(dim=-1) / unit).square().mean().sqrt()
        mean = fit_face(seen[:, model.landmarks], model.first(0, 0))
        by_mean = mean.camera.project(model.mean.expand(len(seen), -1, -1))
        assert far_off < 0.01
        assert far_off < 0.3 * ((by_mean - seen).norm(dim=-1) / unit).square().mean().sqrt()
