"""Where poses come from (Fig. 7): generated, filmed, mirrored, given, or one for good."""

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from avfuse.geometry.poses import bounced, read_poses
from avfuse.methods.live_speech_portraits.person import Person


@runtime_checkable
class Control(Protocol):
    """What poses are shown in."""

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        """The pose of each frame: rotation vector (radians), translation (the face's unit).

        Args:
            frames: their numbers, from 0.
            generated: what the network sampled for them, smooth.
            person: who speaks.
        """


class Generated:
    """Pose 1 of Fig. 7: what sound and the poses before lead to."""

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        return generated


class Filmed:
    """Pose 3: those of the person's footage, forth and back."""

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        return person.poses[person.moments(frames)]


class Given(NamedTuple):
    """Pose 5: self-defined ones, forth and back; a single one is a head held still."""

    given: Float[Tensor, "F 6"]

    @classmethod
    def read(cls, path: Path) -> "Given":
        """Read a file of poses.

        Args:
            path: `.npy` or text, six numbers a frame: rotation vector (radians), translation.

        Raises:
            InputError: it holds something else.
        """
        return cls(read_poses(path))

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        return self.given.to(generated)[bounced(frames, len(self.given))]


class Mirrored(NamedTuple):
    """Poses 2 and 4: another control's, left and right exchanged about the person's mean place."""

    inner: Control

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        return mirrored(self.inner.poses(frames, generated, person), person.pose_mean)


class Held:
    """The person's mean pose for good."""

    def poses(
        self, frames: Int[Tensor, "T"], generated: Float[Tensor, "T 6"], person: Person
    ) -> Float[Tensor, "T 6"]:
        return person.pose_mean.expand(len(frames), -1)


def mirrored(poses: Float[Tensor, "T 6"], mean: Float[Tensor, "6"]) -> Float[Tensor, "T 6"]:
    """Left and right exchanged: what turns to a side or lies there does so on the other.

    Args:
        poses: rotation vectors and translations.
        mean: the pose about which they are.
    """
    sign = poses.new_tensor([1, -1, -1, -1, 1, 1])
    return mean + sign * (poses - mean)
