"""The linear face model, learnt from labels with depth of many people.

    python -m avfuse.experts.face.learning CLIPS PORTRAITS OUTPUT --credit TEXT --people NAME ...

learns what expressions change from clips of the people named, and what people differ by from
portraits, of which every eighth is left for [`avfuse.experts.face.evaluation`][]. What is shipped
was made so, of GRID's s1, s2, s17 and s22, of `obama` and `crema_1001`.

Most people smile on their portraits. What they differ by is found when an expression has been
taken out of each, and three things tell the two apart: the expressions of clips, in which people
stay the same; that lips are shut at rest, whoever they belong to; and how far the portraits' mean
is from that of the clips' people at rest.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save as save_bytes

from avfuse.data.dense_labels import Face, Faces, read_clips, read_faces
from avfuse.data.split import every_nth
from avfuse.errors import InputError
from avfuse.experts.face.triangulation import mean_face
from avfuse.files.whole import write_whole
from avfuse.geometry import dense
from avfuse.geometry.pose import mean_shape
from avfuse.geometry.procrustes import aligned, onto

Basis = Float[np.ndarray, "_ 468 3"]

IDENTITIES, EXPRESSIONS = 60, 30
HELD = 8
"""One portrait of so many is held back from learning."""

_ROUNDS = 5  # of alignment and averaging, and of taking turns between identity and expression
_FRAMES = 800  # of a person at most: some have thousands, which say the same again
_REST = 0.2  # of a person's frames, those with the lips nearest each other, are taken for rest
_NOISE = 0.01  # of a label's coordinate, in distances of the eyes' corners
_MOVES = 0.01  # a point that moves so far counts half for how a head lies
_LIPS = 10.0  # how much more than other points the gap between the lips counts for expression

_UPPER, _LOWER = dense.INNER_LIPS[1:10], dense.INNER_LIPS[:10:-1]  # opposite each other


class Learnt(NamedTuple):
    """Mean and bases, each component one standard deviation long; symmetric or antisymmetric."""

    mean: Face
    identity: Basis
    expression: Basis


class Rest(NamedTuple):
    """A person's face at rest, and how each of the frames differs from it."""

    face: Face
    moved: Faces


def learn(people: Sequence[Faces], portraits: Faces) -> Learnt:
    """Learn what expressions change, then what people differ by.

    Args:
        people: of each, frames as they were labelled.
        portraits: one face each of other people.
    """
    smiling, _ = mean_face(portraits)
    rests = at_rest(people, smiling)
    moved = [_mirrored_too(rest.moved) / np.sqrt(len(rest.moved)) for rest in rests]
    expression = components(np.concatenate(moved) / np.sqrt(2 * len(rests)), EXPRESSIONS)
    faces = np.stack([rest.face for rest in rests])
    return _in_our_axes(identities(portraits, faces, smiling, expression))


def at_rest(people: Sequence[Faces], mean: Face) -> list[Rest]:
    """Tell rest and movement apart for each person, the head's own motion taken out.

    Points count for how the head lies by how little they move against it, which is found in turns.
    """
    weights = np.ones(len(mean))
    for _ in range(_ROUNDS):
        rests = [_rest(_some(frames), mean, weights) for frames in people]
        spread = np.mean([(rest.moved**2).sum(-1).mean(0) for rest in rests], 0)
        weights = 1 / (spread + _MOVES**2)
    return rests


def _rest(frames: Faces, mean: Face, weights: Float[np.ndarray, "468"]) -> Rest:
    laid = aligned(frames, mean, weights)
    shut = np.linalg.norm(_gap(laid), axis=-1).mean(1).argsort()
    shut = shut[: max(1, round(_REST * len(frames)))]
    for _ in range(2):
        face = laid[shut].mean(0)
        laid = aligned(frames, face, weights)
    return Rest(face, laid - face)


def _some(frames: Faces) -> Faces:
    """At most so many of them, spread over all."""
    step = -(-len(frames) // _FRAMES)
    return frames[::step]


def identities(portraits: Faces, rests: Faces, smiling: Face, expression: Basis) -> Learnt:
    """Learn what people differ by, an expression taken out of every portrait.

    Args:
        portraits: faces that smile, or not.
        rests: faces at rest of other people.
        smiling: the portraits' mean.
        expression: what expressions change.
    """
    usual = usual_smile(rests, smiling, expression)
    model = Learnt(smiling - summed(usual, expression), expression[:0], expression)
    people, expressions = np.zeros((len(portraits), 0)), np.tile(usual, (len(portraits), 1))
    for _ in range(_ROUNDS):
        smiles = summed(expressions, expression)
        laid = aligned(portraits, model.mean + summed(people, model.identity) + smiles)
        mean = _mirrored_too(laid).mean(0) - summed(usual, expression)
        neutral = np.concatenate([laid - smiles, aligned(rests, mean)]) - mean
        basis = components(_mirrored_too(neutral) / np.sqrt(2 * len(neutral)), IDENTITIES)
        model = Learnt(mean, basis, expression)
        people, expressions = told_apart(laid - mean, model, usual)
    return model


def usual_smile(rests: Faces, smiling: Face, expression: Basis) -> Float[np.ndarray, "L"]:
    """The expression that lies between the mean of faces at rest and the portraits' mean."""
    away = smiling - _mirrored_too(aligned(rests, smiling)).mean(0)
    alone = Learnt(smiling, expression[:0], expression)
    return told_apart(away[None], alone, np.zeros(len(expression)))[1][0]


def told_apart(
    offsets: Float[np.ndarray, "T 468 3"], model: Learnt, usual: Float[np.ndarray, "L"]
) -> tuple[Float[np.ndarray, "T K"], Float[np.ndarray, "T L"]]:
    """The likeliest identity and expression of each face, given how it differs from the mean.

    Both are normal, of standard deviation 1; expressions have their mean at `usual`. The gap
    between the lips counts for the expression alone.
    """
    people = np.pad(model.identity, ((0, 0), (0, len(_UPPER)), (0, 0)))
    basis = np.concatenate([people, _with_gaps(model.expression)])
    flat, seen = (faces.reshape(len(faces), -1) for faces in (basis, _with_gaps(offsets)))
    start = np.concatenate([np.zeros(len(model.identity)), usual])
    left = np.eye(len(basis)) * _NOISE**2 + flat @ flat.T
    found = start + np.linalg.solve(left, flat @ (seen - start @ flat).T).T
    return found[:, : len(model.identity)], found[:, len(model.identity) :]


def summed(weights: Float[np.ndarray, "*T K"], basis: Basis) -> Float[np.ndarray, "*T 468 3"]:
    """What coefficients add to the mean."""
    return np.einsum("...k,kpd->...pd", weights, basis)


def components(offsets: Faces, count: int) -> Basis:
    """Principal axes of faces around 0, each as long as their root sum of squares along it."""
    _, spread, axes = np.linalg.svd(offsets.reshape(len(offsets), -1), full_matrices=False)
    longest = spread[:count, None] * axes[:count]
    return longest.reshape(-1, *offsets.shape[1:])


def _gap(faces: Float[np.ndarray, "N 468 3"]) -> Float[np.ndarray, "N 9 3"]:
    """From the upper to the lower lip's inner edge."""
    return faces[:, _LOWER] - faces[:, _UPPER]


def _with_gaps(faces: Float[np.ndarray, "N 468 3"]) -> Float[np.ndarray, "N 477 3"]:
    """Faces, and the gaps between their lips as further points."""
    return np.concatenate([faces, np.sqrt(_LIPS) * _gap(faces)], 1)


def _mirrored_too(faces: Faces) -> Faces:
    """Faces and their mirror images, which are as likely."""
    return np.concatenate([faces, (faces * [-1, 1, 1])[:, dense.mirrored()]])


def _in_our_axes(model: Learnt) -> Learnt:
    """Laid, turned and scaled as [`FaceModel`][avfuse.geometry.face_model.FaceModel] says."""
    place = onto(model.mean[None, dense.LANDMARKS], mean_shape())
    turn = place.turn[0]
    return Learnt(place(model.mean[None])[0], model.identity @ turn, model.expression @ turn)


def save(model: Learnt, path: Path, credit: str = "") -> None:
    """Write a model, its bases in float16; whole or not at all."""
    halves = {name: basis.astype(np.float16) for name, basis in model._asdict().items()}
    arrays = halves | {"mean": model.mean.astype(np.float32)}
    write_whole(path, save_bytes(arrays, {"credit": credit}))


def main() -> None:
    """The command above."""
    parser = argparse.ArgumentParser(prog="python -m avfuse.experts.face.learning")
    parser.add_argument("clips", type=Path, help="folder of <person>__<clip>.npz")
    parser.add_argument("portraits", type=Path, help=".npz of one face each of many people")
    parser.add_argument("output", type=Path, help="the .safetensors file to write")
    parser.add_argument("--credit", default="", help="the data and their licences")
    parser.add_argument("--people", nargs="*", default=[], help="whose clips to use (everybody's)")
    options = parser.parse_args()
    clips, portraits = read_clips(options.clips), read_faces(options.portraits)
    if unknown := set(options.people) - set(clips):
        raise InputError(f"{options.clips} has no clip of {', '.join(sorted(unknown))}")
    people = [clips[name] for name in options.people or clips]
    kept, _ = every_nth(range(len(portraits)), HELD)
    save(learn(people, portraits[kept]), options.output, options.credit)


if __name__ == "__main__":
    main()
