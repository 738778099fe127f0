"""What components leave of people: nothing of people made of them, and shares by closed forms."""

import sys

import numpy as np
import pytest

from avfuse.experts.face.evaluation import at_ease, left_by_fit, left_of, lips_opened, main, table
from avfuse.experts.face.learning import at_rest, summed
from avfuse.geometry.face_model import face_model


def test_leaves_what_other_components_add(truth):
    """Offsets along orthogonal axes of known lengths."""
    axes = np.linalg.svd(truth.identity.reshape(6, -1), full_matrices=False)[2]
    basis = axes.reshape(6, 468, 3)
    offsets = summed(np.array([[3.0, 2.0, 1.0, 0, 0, 0]]), basis)
    for count, left in enumerate((14, 5, 1, 0)):
        assert left_of([offsets], basis, count) == pytest.approx(np.sqrt(left / 468), abs=1e-9)


def test_groups_count_alike(truth):
    one, other = truth.identity[:1], np.repeat(truth.identity[1:2], 10, 0)
    both = [left_of([some], truth.identity, 0) ** 2 for some in (one, other)]
    assert left_of([one, other], truth.identity, 0) ** 2 == pytest.approx(np.mean(both))


def test_takes_smiles_from_portraits(made, truth):
    rests = np.stack([rest.face for rest in at_rest(made.people, truth.mean)])
    found = at_ease(made.portraits, rests, truth)
    faces = made.faces - truth.mean
    smiling = made.portraits[:, 14] - made.portraits[:, 13]
    assert np.linalg.norm(smiling, axis=1).mean() > 0.05
    assert np.sqrt(((found - faces) ** 2).sum(-1).mean()) < 0.015


def test_a_fit_is_as_far_off_as_points_were_moved(made):
    """By noise that no face makes, the fit is off by that noise."""
    frames = made.people[0][:12].copy()
    unit = np.linalg.norm(frames[:, 263] - frames[:, 33], axis=1).mean()
    noise = 0.05 * unit * np.random.default_rng(0).normal(size=(12, 468, 2))
    clean = left_by_fit([frames], face_model(), np.arange(468))
    frames[..., :2] += noise
    assert clean < 0.005
    assert left_by_fit([frames], face_model(), np.arange(468)) == pytest.approx(0.0707, rel=0.2)


def test_lips_are_measured_in_their_middle(truth):
    identity = np.zeros((2, 468, 3))
    identity[0, 14, 1], identity[1, 13, 1] = 0.3, -0.4
    assert lips_opened(truth._replace(identity=identity)) == pytest.approx(0.5)


def test_table_says_shares():
    rows = list(table("components", {0: 0.02, 5: 0.01}))
    assert rows[2:] == ["| 0 | 2.00 | 0.0 % |", "| 5 | 1.00 | 75.0 % |"]


def test_command_prints_tables(made, tmp_path, monkeypatch, capsys):
    for number, faces in enumerate(made.people[:2]):
        points = np.round(16 * faces[:30]).astype(np.int16)
        np.savez(tmp_path / f"p{number}__1.npz", points=points)
    np.savez(tmp_path / "portraits.npz", points=np.round(16 * made.portraits[:80]).astype(np.int16))
    words = [str(tmp_path), str(tmp_path / "portraits.npz"), "--people", "p0", "p1"]
    monkeypatch.setattr(sys, "argv", ["evaluation", *words])
    main()
    printed = capsys.readouterr().out
    assert printed.count("|---|---|---|") == 2
    assert "| the 68 |" in printed
    assert "components of identity" in printed
