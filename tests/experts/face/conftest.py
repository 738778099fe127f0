"""People made of the shipped model's first components, whose shapes are known."""

from typing import NamedTuple

import cv2
import numpy as np
import pytest

from avfuse.experts.face.evaluation import bundled
from avfuse.experts.face.learning import summed

IDENTITIES, EXPRESSIONS = 6, 4
SMILE = np.array([0.0, -3.0, 0.5, 0.0])
"""How people look on their portraits."""


def posed(faces, rng):
    """Seen anywhere, of any size, from nearly in front."""
    turns = [cv2.Rodrigues(np.radians(rng.normal(0, 8, 3)))[0] for _ in faces]
    scales = rng.uniform(50, 150, (len(faces), 1, 1))
    places = rng.uniform(-100, 100, (len(faces), 1, 3))
    return scales * faces @ np.stack(turns) + places


class Made(NamedTuple):
    people: list
    portraits: np.ndarray
    faces: np.ndarray
    """The portraits' people at rest."""


@pytest.fixture(scope="session")
def truth():
    model = bundled()
    return model._replace(
        identity=model.identity[:IDENTITIES], expression=model.expression[:EXPRESSIONS]
    )


@pytest.fixture(scope="session")
def made(truth):
    rng = np.random.default_rng(0)
    people = []
    for _ in range(5):
        own = truth.mean + summed(rng.normal(size=IDENTITIES), truth.identity)
        moments = rng.normal(size=(80, EXPRESSIONS))
        moments[:20] = 0  # at rest
        moments[20:, 0] = np.abs(moments[20:, 0]) + 0.5  # the mouth opens
        people.append(posed(own + summed(moments, truth.expression), rng))
    faces = truth.mean + summed(rng.normal(size=(150, IDENTITIES)), truth.identity)
    smiles = SMILE + 0.5 * rng.normal(size=(150, EXPRESSIONS))
    return Made(people, posed(faces + summed(smiles, truth.expression), rng), faces)
