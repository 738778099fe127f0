"""How many components of the face model explain how much of people it was not learnt from.

    python -m avfuse.experts.face.evaluation CLIPS PORTRAITS --people NAME ...

prints tables in Markdown: how the portraits that learning leaves out differ, their expressions
taken away, how the people named move, and what the first components leave of either; and how far a
fit to the points of these people is from them.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from avfuse.data.dense_labels import Faces, read_clips, read_faces
from avfuse.data.split import every_nth
from avfuse.experts.face.learning import (
    HELD,
    Basis,
    Learnt,
    at_rest,
    summed,
    told_apart,
    usual_smile,
)
from avfuse.experts.face.triangulation import mean_face
from avfuse.geometry.dense import LANDMARKS, POINTS
from avfuse.geometry.face_model import FaceModel, face_model
from avfuse.geometry.fit import fit_face
from avfuse.geometry.procrustes import aligned

_IDENTITIES = (0, 1, 2, 5, 10, 20, 40, 60)
_EXPRESSIONS = (0, 1, 2, 5, 10, 20, 30)
_ROUNDS = 4  # of alignment and telling apart


def bundled() -> Learnt:
    """The model that comes with the library, as numbers to learn or judge by."""
    mean, identity, expression = (part.double().numpy() for part in face_model()[:3])
    return Learnt(mean, identity, expression)


def at_ease(portraits: Faces, rests: Faces, model: Learnt) -> Faces:
    """How portraits differ from the mean when their likeliest expressions are taken away.

    Args:
        portraits: of any pose.
        rests: faces at rest of other people, which tell how far portraits smile.
        model: that tells identity and expression apart.
    """
    smiling, _ = mean_face(portraits)
    usual = usual_smile(rests, smiling, model.expression)
    found = model.mean + summed(usual, model.expression)
    for _ in range(_ROUNDS):
        laid = aligned(portraits, found)
        people, expressions = told_apart(laid - model.mean, model, usual)
        smiles = summed(expressions, model.expression)
        found = model.mean + summed(people, model.identity) + smiles
    return laid - model.mean - smiles


def left_of(groups: Sequence[Faces], basis: Basis, count: int) -> float:
    """What the first components of a basis leave of offsets, by least squares.

    Args:
        groups: of offsets, which count alike.
        basis: the components.
        count: how many of them.

    Returns:
        Root of the mean squared distance of a point in space, in the model's unit.
    """
    parts = [_distance(some - _within(some, basis[:count])) ** 2 for some in groups]
    return float(np.sqrt(np.mean(parts)))


def left_by_fit(people: Sequence[Faces], model: FaceModel, seen: np.ndarray) -> float:
    """How far a fit to some of the points is from all of them, in the picture.

    Args:
        people: frames of each, in pixels; only x and y are looked at.
        model: that is fitted, weak perspective, one identity a person.
        seen: which points the fit is shown.

    Returns:
        Root of the mean squared distance of a point, over the distance of the eyes' corners.
    """
    parts = []
    for frames in people:
        points = torch.from_numpy(frames[..., :2])
        found = fit_face(points[:, seen], model)
        shapes = model.to(torch.float64).shape(found.identity, found.expression)
        offsets = (found.camera.project(shapes) - points) / found.camera.unit[:, None, None]
        parts.append(_distance(offsets.numpy()) ** 2)
    return float(np.sqrt(np.mean(parts)))


def lips_opened(model: Learnt) -> float:
    """By how much identity opens the middle of the lips, a standard deviation over people."""
    upper, lower = LANDMARKS[62], LANDMARKS[66]
    gaps = model.identity[:, lower, 1] - model.identity[:, upper, 1]
    return float(np.sqrt((gaps**2).sum()))


def _within(offsets: Faces, basis: Basis) -> Faces:
    """The part of offsets that components span, by least squares."""
    if not len(basis):
        return np.zeros_like(offsets)
    rows = basis.reshape(len(basis), -1)
    flat = offsets.reshape(len(offsets), -1)
    return (np.linalg.lstsq(rows.T, flat.T)[0].T @ rows).reshape(offsets.shape)


def _distance(offsets: Float[np.ndarray, "_ P _"]) -> float:
    return float(np.sqrt((offsets**2).sum(-1).mean()))


def table(title: str, left: dict[int, float]) -> Iterator[str]:
    """Rows of Markdown: components, what they leave, and the share that they explain."""
    yield f"| {title} | left, % of the eyes' distance | explained |"
    yield "|---|---|---|"
    for count, distance in left.items():
        share = 1 - (distance / left[0]) ** 2
        yield f"| {count} | {100 * distance:.2f} | {100 * share:.1f} % |"


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.face.evaluation")
    parser.add_argument("clips", type=Path, help="folder of <person>__<clip>.npz")
    parser.add_argument("portraits", type=Path, help=".npz of one face each of many people")
    parser.add_argument("--people", nargs="+", required=True, help="whose clips to use")
    options = parser.parse_args()
    model, portraits, clips = bundled(), read_faces(options.portraits), read_clips(options.clips)
    _, held = every_nth(range(len(portraits)), HELD)
    rests = at_rest([clips[name] for name in options.people], model.mean)
    people = [at_ease(portraits[held], np.stack([rest.face for rest in rests]), model)]
    moved = [rest.moved for rest in rests]
    of_people = {k: left_of(people, model.identity, k) for k in _IDENTITIES}
    of_moments = {k: left_of(moved, model.expression, k) for k in _EXPRESSIONS}
    tables = [table("components of identity", of_people), table("of expression", of_moments)]
    print("\n\n".join("\n".join(rows) for rows in tables))
    print("\n| fitted to | off in the picture, % of the eyes' distance |\n|---|---|")
    for name, seen in (("all points", np.arange(POINTS)), ("the 68", LANDMARKS)):
        off = left_by_fit([clips[person] for person in options.people], face_model(), seen)
        print(f"| {name} | {100 * off:.2f} |")
    print(f"\nIdentity opens the lips by {100 * lips_opened(model):.2f} %.")


if __name__ == "__main__":
    main()
