"""How far heads are from where they were: D-Rot and D-Pos of Φ, beside the controls of it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import default_collate

from avfuse.geometry.camera import rotation_matrix
from avfuse.methods.rhythmic_head_motion.data import Moved
from avfuse.methods.rhythmic_head_motion.method import RhythmicHeadMotion
from avfuse.methods.rhythmic_head_motion.rhythm import RhythmicPeople
from avfuse.methods.rhythmic_head_motion.terms import predicted

MEAN, OTHER = "mean pose", "of the wrong person"
"""How heads move without Φ, and by somebody else's references."""

Models = Mapping[str, RhythmicHeadMotion]


class Motion(NamedTuple):
    """How far heads are from where they were.

    Attributes:
        d_rot: angle between rotations, degrees.
        d_pos: distance of places, % of the picture's side.
    """

    d_rot: float
    d_pos: float


@torch.no_grad()
def motions(models: Models, moved: Moved) -> Iterator[tuple[str, Motion]]:
    """How heads go on, passage by passage.

    Args:
        models: by their names.
        moved: references and what follows, of as many people.
    """
    count = moved.poses.shape[1]
    mean = moved.before.mean(1, keepdim=True)
    about = moved.before - mean
    wrong = moved._replace(before=about.roll(1, 0) + mean, said=moved.said.roll(1, 0))
    rows = {MEAN: mean.expand(-1, count, -1)}
    for name, method in models.items():
        rows[name] = predicted(method, moved)
        rows[f"{name}, {OTHER}"] = predicted(method, wrong)
    for name, made in rows.items():
        for one, other in zip(made, moved.poses, strict=True):
            yield name, _apart(one, other)


def rhythmic(people: int, history: int) -> Moved:
    """Passages of people whose rule is known, none of whom training has seen."""
    data = RhythmicPeople(people, 10, history, batch=people, validation=people)
    data.setup()
    samples = data.val[1]
    return Moved(*default_collate([samples[number] for number in range(people)]))


def _apart(made: Float[Tensor, "T 6"], true: Float[Tensor, "T 6"]) -> Motion:
    turned = rotation_matrix(made[:, :3]).mT @ rotation_matrix(true[:, :3])
    cosine = (turned.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    away = (made - true)[:, 3:5].norm(dim=1).mean()
    return Motion(float(cosine.clamp(-1, 1).acos().rad2deg().mean()), 100 * float(away))
