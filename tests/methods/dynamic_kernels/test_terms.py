"""What is added up: eq. 5 to the letter, and nothing computed in vain."""

import pytest
import torch

from avfuse import Batch, Generated
from avfuse.methods.dynamic_kernels import terms
from avfuse.methods.dynamic_kernels.terms import supervision
from avfuse.training import losses

SIZE = 16
EXTRAS = ("mouth", "opening", "edges", "texture", "motion_weight", "flow", "lips")
PRINTED = {
    "reconstruction": 20.0, "mask": 0.1, "mask_region": "nowhere", "blend": True,
    **dict.fromkeys(EXTRAS, 0.0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def batch():
    video, mel, points = torch.rand(2, 2, 1, 3, SIZE, SIZE), torch.randn(2, 2, 1, 80, 16), faces()
    return Batch(*video, *mel, points, points.clone(), *torch.randn(2, 2, 1, 20, 2))


def faces():
    points = torch.rand(2, 1, 68, 2) * SIZE
    points[..., 48, 0], points[..., 54, 0] = 4.0, 12.0
    return points


def generated(flow=True):
    image, motion = torch.rand(2, 4, 3, SIZE, SIZE)
    moved = torch.randn(4, 2, SIZE, SIZE) if flow else None
    return Generated(image, torch.rand(4, 1, SIZE, SIZE), motion, moved, {})


def test_equation_3_both_ways():
    """10 · (E|f(V1, A2) - V2| + E|f(V2, A1) - V1|), a mean over pixels."""
    pairs, made = batch(), generated()
    there, back = made.image.chunk(2)
    by_hand = 10 * ((there - pairs.video2[:, 0]).abs().mean())
    by_hand += 10 * ((back - pairs.video1[:, 0]).abs().mean())
    found = supervision(PRINTED, pairs, made)
    assert set(found) == {"reconstruction", "mask"}
    torch.testing.assert_close(found["reconstruction"], by_hand)


def test_the_mask_is_ganimations():
    made = generated()
    by_hand = made.mask.mean() + losses.mask_smoothness(made.mask)
    torch.testing.assert_close(supervision(PRINTED, batch(), made)["mask"], 0.1 * by_hand)


def test_without_blending_there_is_no_mask_to_regularise():
    assert set(supervision({**PRINTED, "blend": False}, batch(), generated())) == {"reconstruction"}


def test_what_has_no_weight_is_not_computed(monkeypatch):
    def never(*_):
        raise AssertionError("computed in vain")

    for name in ("mouth_map", "opening_map", "mouth_patch", "displacement", "flow_smoothness"):
        monkeypatch.setattr(terms.losses, name, never)
    monkeypatch.setattr(terms, "mouth_mask", never)
    monkeypatch.setattr(terms, "_DETAILS", dict.fromkeys(("edges", "texture"), never))
    assert len(supervision(PRINTED, batch(), generated())) == 2


@pytest.mark.parametrize(
    ("weights", "name"),
    [
        ({"edges": 1.0}, "edges"),
        ({"texture": 1.0}, "texture"),
        ({"flow": 1.0}, "flow"),
        ({"motion_weight": 1.0, "mouth": 1.0}, "motion"),
        ({"motion_weight": 1.0}, "motion"),  # everywhere, where no place weighs more
    ],
)
def test_each_has_its_own_weight(weights, name):
    pairs, made = batch(), generated()
    once = supervision({**PRINTED, **weights}, pairs, made)
    twice = supervision({**PRINTED, **weights, next(iter(weights)): 2.0}, pairs, made)
    assert set(once) == {"reconstruction", "mask", name}
    torch.testing.assert_close(twice[name], 2 * once[name])


def test_lip_shapes_that_were_heard():
    pairs, weights = batch(), {**PRINTED, "lips": 1.0}
    assert "lips" not in supervision(PRINTED, pairs, generated())
    true = torch.cat([pairs.lips2, pairs.lips1]).flatten(0, 1).flatten(1) / terms.LIP_UNIT
    assert supervision(weights, pairs, generated(), true)["lips"] == 0
    assert supervision(weights, pairs, generated(), true + 1)["lips"] > 0
