"""Rhythmic Head Motion whole: a few frames of anybody and a voice, and the head moves with it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.method import Method, plain_config
from avfuse.methods.rhythmic_head_motion.control import control_named
from avfuse.methods.rhythmic_head_motion.embedding import References
from avfuse.methods.rhythmic_head_motion.expression import ExpressionLearner
from avfuse.methods.rhythmic_head_motion.flow import Guide
from avfuse.methods.rhythmic_head_motion.generator import (
    CompositionName,
    EmbeddingName,
    Generator,
    Given,
)
from avfuse.methods.rhythmic_head_motion.head import disentangled, landmarks_of
from avfuse.methods.rhythmic_head_motion.marks import marks
from avfuse.methods.rhythmic_head_motion.matcher import matched
from avfuse.methods.rhythmic_head_motion.mesh import Mesh, least_rotated, projected, unprojected
from avfuse.methods.rhythmic_head_motion.motion import HeadMotion, Kept, Rhythm
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn, Framing, Seen

HEARS = Hearing(22, 12.8)
"""x_{t-3:t+4}: 0.28 s around a frame, 0.16 s of them after its moment."""

FRAMING = Framing(-0.3, -0.45, 1.3, 1.15)
"""The whole head, from above the brow to the neck, and room to move."""

_LOOSE = {"history", "shots", "motion"}
"""Options that shape no weight."""

_OF_STAGE = {
    "expression": {"audio_width"},
    "motion": {"motion_width"},
    "generator": {
        *("channels", "adaptive", "width", "residuals"),
        *("space", "embedding", "composition"),
    },
}
"""Those that shape the network of a stage and nothing else."""


class Person(NamedTuple):
    """Whom it has met.

    Attributes:
        identity: of the face model.
        mesh: of the least rotated reference.
        poses: of all reference frames.
        rhythm: weights of the head's motion.
        chosen: which of the frames are the K.
        images: those.
        points: their landmarks.
        references: what the embedding keeps of them.
    """

    identity: Float[Tensor, "I"]
    mesh: Mesh
    poses: Float[Tensor, "F 6"]
    rhythm: Rhythm
    chosen: Int[Tensor, "K"]
    images: Float[Tensor, "K 3 H W"]
    points: Float[Tensor, "K 68 2"]
    references: References


class State(NamedTuple):
    """What the frames so far have left.

    Attributes:
        frame: number of the next.
        motion: inputs that the temporal convolutions of the head's motion still see.
    """

    frame: Int[Tensor, ""]
    motion: Kept


class RhythmicHeadMotion(Method[Given, Person, State]):
    """Whole frames of anybody, from a few frames and sound (Chen et al. 2020).

    Landmarks come from an expression, which sound makes, and a pose, which sound makes too, by
    weights that this person's own motion has made. Frames come from those landmarks, from a mesh of
    the face that is turned to the pose, from the reference whose head lies most like it, and from
    what all K references look like.

    Args:
        channels: of the generator, fine to coarse; all but the first halve the size.
        adaptive: layers of it, from the finest, whose weights the references make.
        width: of what these weights are made of.
        residuals: blocks of the flow networks.
        space: whether there is a 3-D-aware module (Fig. 10a).
        embedding: "hybrid", or "average" (Fig. 10a).
        composition: "nonlinear", or "matting" (Fig. 10a).
        audio_width: of the expression learner.
        motion_width: of the motion learner.
        history: τ, frames of a clip from which motion and references are taken.
        shots: K, references (Table 2); of fewer frames, all are.
        motion: where the head's motion comes from: "learnt"; "given", the reference frames' own;
            "still"; or a file of poses, as of [`read_poses`][avfuse.geometry.poses.read_poses].
        size: pixels a side.
    """

    paper: ClassVar[str] = "Chen et al., Talking-head Generation with Rhythmic Head Motion, 2020"
    footage: ClassVar[bool] = False
    fewer: ClassVar[bool] = True
    landmarks = True
    whole: ClassVar[bool] = True
    stages: ClassVar[tuple[str, ...]] = ("expression", "motion", "generator", "together")
    framing: ClassVar[Framing] = FRAMING
    tiny: ClassVar[Mapping[str, Any]] = {
        "channels": [4, 4, 8],
        "adaptive": 2,
        "width": 8,
        "residuals": 1,
        "audio_width": 2,
        "motion_width": 8,
        "history": 8,
        "shots": 3,
        "size": 64,
    }

    def __init__(
        self,
        *,
        channels: Sequence[int] = (32, 64, 128, 256, 512, 512),
        adaptive: int = 4,
        width: int = 256,
        residuals: int = 6,
        space: bool = True,
        embedding: EmbeddingName = "hybrid",
        composition: CompositionName = "nonlinear",
        audio_width: int = 32,
        motion_width: int = 256,
        history: int = 64,
        shots: int = 8,
        motion: str = "learnt",
        size: int = 256,
    ) -> None:
        config = plain_config(locals())
        super().__init__()
        stride = max(2 ** (len(channels) - 1), 8)
        if size < 1 or size % stride or min(history, shots) < 1 or len(channels) < 3:
            raise ValueError(
                f"size={size}, history={history}, shots={shots}, {len(channels)} channels; "
                f"expected at least 1 each, three levels, and a size that {stride} divides"
            )
        if not 0 < adaptive <= len(channels):
            raise ValueError(f"adaptive={adaptive}; expected 1 to {len(channels)} levels")
        self.config, self.size, self.hears = config, size, HEARS
        self.references, self.shots, self.space = history, shots, space
        self.control = control_named(motion)
        self.expression = ExpressionLearner(self.hears.steps, audio_width)
        self.motion = HeadMotion(self.hears.mel.bands, motion_width)
        guides = 2 if space else 1
        self.generator = Generator(
            channels, width, adaptive, guides, residuals, embedding, composition
        )

    @classmethod
    def free(cls, trained: Collection[str]) -> frozenset[str]:
        """What shapes no weight, and networks whose stage is yet to come."""
        ahead = [s for s in _OF_STAGE if s not in trained] if trained else []
        return frozenset(_LOOSE.union(*(_OF_STAGE[stage] for stage in ahead)))

    def meet(self, seen: Seen | None, heard: Float[Tensor, "K M S"] | None = None) -> Person:
        """Everything of the reference frames: identity, mesh, motion, and K of them."""
        assert seen is not None  # it wants references,
        assert seen.landmarks is not None  # with landmarks
        images = seen.images.to(self.device).permute(0, 3, 1, 2).float() / 255
        points = seen.landmarks.to(images)
        found = disentangled(points, self.size)
        poses, chosen = found.poses, evenly(len(images), self.shots).to(self.device)
        front = least_rotated(poses)
        shown = marks(points[chosen], self.size)
        return Person(
            found.identity,
            unprojected(images[front], found, front),
            poses,
            self.motion.know(poses[None], None if len(poses) < 2 or heard is None else heard[None]),
            chosen,
            images[chosen],
            points[chosen],
            self.generator.meet(images[None, chosen], shown[None]),
        )

    def prepare(
        self,
        heard: Float[Tensor, "1 T M S"],
        seen: Seen | None,
        person: Person,
        state: State | None,
    ) -> tuple[Given, State]:
        """All but the composition: landmarks by the sound, and what is shown at them."""
        points, poses, state = self.move(heard, person, state)
        return self.shown(points, poses, person), state

    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: Given) -> Drawn:
        """Compose frames (section 4.3)."""
        return Drawn(self.generator(condition).image)

    def move(
        self, heard: Float[Tensor, "1 T M S"], person: Person, state: State | None
    ) -> tuple[Float[Tensor, "T 68 2"], Float[Tensor, "T 6"], State]:
        """Ψ and Φ: landmarks and poses of frames in a row, and the state after them."""
        count = heard.shape[1]
        said = self.expression(heard[0], person.identity.expand(count, -1))
        sound, kept = self.motion.hear(heard, None if state is None else state.motion)
        learnt = self.motion.follow(sound, person.rhythm)[0]
        first = torch.zeros((), dtype=torch.long) if state is None else state.frame
        poses = self.control.poses(first.cpu() + torch.arange(count), learnt, person.poses)
        points = landmarks_of(person.identity, said, poses, self.size)
        return points, poses, State(first + count, kept)

    def shown(
        self, points: Float[Tensor, "T 68 2"], poses: Float[Tensor, "T 6"], person: Person
    ) -> Given:
        """What frames with these landmarks are drawn from."""
        nearest = matched(poses, person.poses[person.chosen])
        guides = [Guide(person.images[nearest], marks(person.points[nearest], self.size))]
        if self.space:
            turned = projected(person.mesh, poses)
            guides.insert(0, Guide(turned.images, marks(turned.points, self.size)))
        traced = marks(points, self.size)
        return self.generator.given(person.references, traced[None], tuple(guides))


def evenly(there: int, count: int) -> Int[Tensor, "K"]:
    """So many of as many frames, spread evenly; all of them where there are no more."""
    return torch.linspace(0, there - 1, min(there, count)).round().long()
