"""Where the head's motion comes from: learnt, given by the clip or a file, or none."""

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from avfuse.geometry.poses import bounced, read_poses
from avfuse.methods.rhythmic_head_motion.mesh import least_rotated


@runtime_checkable
class Control(Protocol):
    """What poses a head is shown in."""

    def poses(
        self,
        frames: Int[Tensor, "T"],
        learnt: Float[Tensor, "T 6"],
        seen: Float[Tensor, "K 6"],
    ) -> Float[Tensor, "T 6"]:
        """h of each frame.

        Args:
            frames: their numbers, from 0.
            learnt: what Φ makes of their sound.
            seen: of the reference frames.
        """


class Learnt:
    """Φ's: the person's rhythm to this sound."""

    def poses(
        self,
        frames: Int[Tensor, "T"],
        learnt: Float[Tensor, "T 6"],
        seen: Float[Tensor, "K 6"],
    ) -> Float[Tensor, "T 6"]:
        return learnt


class Seen:
    """Those of the reference frames, forth and back."""

    def poses(
        self,
        frames: Int[Tensor, "T"],
        learnt: Float[Tensor, "T 6"],
        seen: Float[Tensor, "K 6"],
    ) -> Float[Tensor, "T 6"]:
        return seen[bounced(frames, len(seen)).to(seen.device)]


class Still:
    """The least rotated reference's for good."""

    def poses(
        self,
        frames: Int[Tensor, "T"],
        learnt: Float[Tensor, "T 6"],
        seen: Float[Tensor, "K 6"],
    ) -> Float[Tensor, "T 6"]:
        return seen[least_rotated(seen)].expand(len(frames), -1)


class Listed(NamedTuple):
    """Self-defined ones, forth and back; a single one is a head held still.

    Attributes:
        given: six numbers each, as of [`head`][avfuse.methods.rhythmic_head_motion.head].
    """

    given: Float[Tensor, "F 6"]

    def poses(
        self,
        frames: Int[Tensor, "T"],
        learnt: Float[Tensor, "T 6"],
        seen: Float[Tensor, "K 6"],
    ) -> Float[Tensor, "T 6"]:
        return self.given.to(seen)[bounced(frames, len(self.given))]


def control_named(motion: str) -> Control:
    """The control of a name, or of a file of poses.

    Args:
        motion: learnt, given, still, or the name of a file, as of
            [`read_poses`][avfuse.geometry.poses.read_poses].

    Raises:
        InputError: it is neither.
    """
    known: dict[str, Control] = {"learnt": Learnt(), "given": Seen(), "still": Still()}
    return known.get(motion) or Listed(read_poses(Path(motion)))
