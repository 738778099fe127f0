"""What lies between batches and networks: what is lost, predicted and drawn of each."""

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.methods.rhythmic_head_motion.data import Moved, Said, Shown
from avfuse.methods.rhythmic_head_motion.flow import Guide
from avfuse.methods.rhythmic_head_motion.generator import Given
from avfuse.methods.rhythmic_head_motion.head import canonical
from avfuse.methods.rhythmic_head_motion.marks import marks
from avfuse.methods.rhythmic_head_motion.method import RhythmicHeadMotion


def expression_terms(method: RhythmicHeadMotion, batch: Said) -> dict[str, Tensor]:
    """L1 of components of expression, and of the landmarks in space that they make."""
    said = method.expression(batch.heard, batch.identity)
    shapes = (canonical(batch.identity, components) for components in (said, batch.expression))
    one, other = shapes
    return {
        "expression": (said - batch.expression).abs().mean(),
        "shape": (one - other).abs().mean(),
    }


def predicted(method: RhythmicHeadMotion, batch: Moved) -> Float[Tensor, "B T 6"]:
    """How heads go on, by what was seen of them before."""
    heard = batch.said if batch.said.shape[1] else None
    sound, _ = method.motion.hear(batch.heard)
    return method.motion.follow(sound, method.motion.know(batch.before, heard))


def given_of(method: RhythmicHeadMotion, batch: Shown, points: Float[Tensor, "B 68 2"]) -> Given:
    """What frames with these landmarks are drawn from."""
    size = method.size
    drawn = marks(batch.image_points.flatten(0, 1), size)
    drawn = drawn.view(*batch.images.shape[:2], 1, size, size)
    guides = [Guide(chosen(batch.images, batch.matched), chosen(drawn, batch.matched))]
    if method.space:
        guides.insert(0, Guide(batch.projected, marks(batch.projected_points, size)))
    references = method.generator.meet(batch.images, drawn)
    return method.generator.given(references, marks(points, size)[:, None], tuple(guides))


def chosen(every: Float[Tensor, "B K C H W"], which: Tensor) -> Float[Tensor, "B C H W"]:
    """One of K of each."""
    return every[torch.arange(len(every), device=every.device), which]
