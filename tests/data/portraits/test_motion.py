"""The motion of a clip: what the face did, whoever it is and however the head moved."""

from pathlib import Path

import numpy as np
import pytest
import torch

from avfuse.data.dense_labels import read_faces
from avfuse.data.portraits.motion import LOWER, UPPER, motion_of, speech
from avfuse.geometry import dense
from avfuse.geometry.camera import WeakPerspective
from avfuse.geometry.face_model import face_model

SHARED = Path(__file__).parents[4] / "shared" / "data" / "mesh"
FRAMES = 20


def filmed(expression, turns=0.0, seed=0):
    """Landmarks of a person of the model, at rest in the first half of a clip."""
    model, generator = face_model(), torch.Generator().manual_seed(seed)
    identity = 0.7 * torch.randn(len(model.identity), generator=generator)
    shapes = model.shape(identity, expression)
    nod = turns * torch.randn(FRAMES, 3, generator=generator)
    place = torch.tensor([120.0, 80.0, 110.0]).repeat(FRAMES, 1)
    seen = WeakPerspective.of(torch.cat([nod, place], 1)).project(shapes)
    return dense.landmarks_of(seen.numpy())


@pytest.fixture
def opening():
    """The first expression, which opens the mouth, from half of the clip on."""
    expression = torch.zeros(FRAMES, len(face_model().expression))
    widest = face_model().expression[0, 14, 1] - face_model().expression[0, 13, 1]
    expression[FRAMES // 2 :, 0] = widest.sign() * torch.linspace(0, 2, FRAMES // 2)
    return expression


@pytest.mark.parametrize("turns", [0.0, 0.1])
def test_is_what_the_face_did(opening, turns):
    motion = motion_of(filmed(opening, turns))
    for number in (0, 12, 19):
        want = torch.einsum("l,lpd->pd", opening[number], speech())
        lips = [*dense.INNER_LIPS, *dense.OUTER_LIPS]
        torch.testing.assert_close(motion.moved(number)[lips], want[lips], atol=0.02, rtol=0)


def test_a_head_that_only_moves_says_nothing():
    still = torch.zeros(FRAMES, len(face_model().expression))
    motion = motion_of(filmed(still, 0.15))
    assert max(motion.moved(number).abs().max() for number in range(FRAMES)) < 0.01


def test_rest_is_where_lips_are_nearest(opening):
    motion = motion_of(filmed(opening))
    assert len(motion.resting) == round(0.2 * FRAMES)
    assert max(motion.resting) <= FRAMES // 2
    gaps = [(m[LOWER] - m[UPPER])[:, 1].mean() for m in map(motion.moved, range(FRAMES))]
    assert abs(np.mean([gaps[i] for i in motion.resting])) < 1e-3


def test_eyes_and_nose_are_held(opening):
    held = face_model().mean[:, 1] < 0.45
    assert not motion_of(filmed(opening)).moved(19)[held].any()
    assert held[dense.LANDMARKS[17:31]].all()  # brows, the nose's bridge
    assert held[dense.LANDMARKS[36:48]].all()  # eyes


def test_frames_without_a_face_have_none(opening):
    landmarks = filmed(opening)
    landmarks[3] = np.nan
    motion = motion_of(landmarks)
    assert motion.expression[3].isnan().all()
    assert motion.inner[3].isnan().all()
    assert motion.expression.isnan().any(1).sum() == 1
    assert 3 not in motion.resting


def test_the_inner_lips_lie_on_the_clips(opening):
    landmarks = filmed(opening)
    inner = motion_of(landmarks).inner.numpy()
    own = [list(dense.INNER_LIPS).index(point) for point in dense.LANDMARKS[60:]]
    np.testing.assert_allclose(inner[:, own], landmarks[:, 60:], atol=1.0)  # of 110 a unit


def test_stillness_rests(opening):
    still = motion_of(filmed(opening)).still(3)
    assert not any(still.moved(number).any() for number in range(3))
    assert still.inner.shape == (3, 20, 2)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no labelled clips here")
@pytest.mark.parametrize("name", ["s3__sbia1a", "obama__00"])
def test_of_68_points_lips_open_as_labels_of_468_say(name):
    """People whom the model knows, and whom it does not."""
    faces = read_faces(SHARED / f"{name}.npz")
    motion = motion_of(dense.landmarks_of(faces)[..., :2].astype(np.float32))
    moved = torch.stack([motion.moved(number) for number in range(len(faces))])
    found = (moved[:, LOWER] - moved[:, UPPER])[..., 1].mean(1).numpy()
    labelled = np.linalg.norm((faces[:, LOWER] - faces[:, UPPER])[..., :2], axis=-1).mean(1)
    labelled /= np.linalg.norm((faces[:, 263] - faces[:, 33])[:, :2], axis=1)
    assert np.corrcoef(found, labelled)[0, 1] > 0.99
    assert np.ptp(found) == pytest.approx(np.ptp(labelled), rel=0.15)
