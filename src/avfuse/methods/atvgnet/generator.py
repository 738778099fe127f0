"""ATVGnet whole: from one picture and sound to landmarks, and from landmarks to frames."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.method import Method, plain_config
from avfuse.methods.atvgnet.at_net import ATNet, LSTMState
from avfuse.methods.atvgnet.previous import Trail, onto_previous
from avfuse.methods.atvgnet.shape import LandmarkPCA
from avfuse.methods.atvgnet.vg_net import Background, Known, Moving, Painted, VGNet
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn, Nest, Planes, Seen


class Person(NamedTuple):
    """Who speaks.

    Attributes:
        still: p_p, landmarks of the reference, in pixels of the crop.
        known: what VG-net makes of it.
    """

    still: Float[Tensor, "1 68 2"]
    known: Known


class State(NamedTuple):
    """What the frames so far have left.

    Attributes:
        heard: of AT-net.
        memory: of VG-net's convolutional RNN; None without one.
    """

    heard: LSTMState
    memory: Tensor | None


class ATVGnet(Method[Moving, Person, State]):
    """Hierarchical cross-modal talking face generation (Chen et al. 2019).

    It makes a clip out of one picture, over time: landmarks and frames depend on what came before
    them. Of the two networks, what goes on over time is in `prepare`, and what is left for each
    frame by itself in `draw`; both are the code that [`VGNet`][avfuse.methods.atvgnet.vg_net.VGNet]
    is trained by.

    Args:
        channels: of VG-net's image encoder, fine to coarse.
        blocks: VG-net's residual blocks.
        audio_width: of AT-net; the paper's is 64.
        mel_steps: mel steps of a window, 80 a second.
        size: pixels a side, divisible by 16; it takes no other.
        components: principal components of the landmarks.
        boost: ω of eq. 4, by which all components but the first are enhanced.
        blend: eq. 8, or the motion image itself (w/o DMA).
        recurrent: the multi-modal convolutional RNN, or a network of single frames (w/o MMCRNN).
        background: what eq. 8 blends with: the reference, or the previous frame (ATVG-P).
    """

    paper: ClassVar[str] = (
        "Chen et al., Hierarchical Cross-Modal Talking Face Generation with Dynamic Pixel-Wise "
        "Loss, 2019"
    )
    footage: ClassVar[bool] = False
    references: int = 1
    landmarks = True
    tiny: ClassVar[Mapping[str, Any]] = {
        "channels": [4, 4, 8, 8, 8],
        "blocks": 1,
        "audio_width": 2,
        "size": 64,
    }

    def __init__(
        self,
        *,
        channels: Sequence[int] = (64, 64, 128, 256, 512),
        blocks: int = 9,
        audio_width: int = 64,
        mel_steps: int = 28,
        size: int = 128,
        components: int = 6,
        boost: float = 1.0,
        blend: bool = True,
        recurrent: bool = True,
        background: Background = "reference",
    ) -> None:
        config = plain_config(locals())
        super().__init__()
        self.config, self.size, self.hears = config, size, Hearing.centred(mel_steps)
        self.shape = LandmarkPCA(components)
        self.at_net = ATNet(mel_steps, components, audio_width)
        self.vg_net = VGNet(
            channels, blocks, size, blend=blend, recurrent=recurrent, background=background
        )
        self.boost = boost

    def meet(self, seen: Seen | None, heard: Float[Tensor, "K M S"] | None = None) -> Person:
        """Everything of the reference; its sound says nothing."""
        assert seen is not None  # it wants one reference,
        assert seen.landmarks is not None  # with landmarks
        image = seen.images.to(self.device).permute(0, 3, 1, 2).float() / 255
        still = seen.landmarks.to(image)
        return Person(still, self.vg_net.meet(image, self.vg_net.marks(still)))

    def prepare(
        self,
        heard: Float[Tensor, "1 T M S"],
        seen: Seen | None,
        person: Person,
        state: State | None,
    ) -> tuple[Moving, State]:
        """AT-net, and of VG-net what goes on over time (eq. 1 to 5)."""
        before = (None, None) if state is None else state
        coefficients, listened = self.predict(heard, person.still, before[0])
        landmarks = self.landmarks_of(coefficients, person.still)
        marks = self.vg_net.marks(landmarks.flatten(0, 1))
        moving, memory = self.vg_net.go_on(person.known, marks, before[1])
        return moving, State(listened, memory)

    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: Moving) -> Drawn:
        """What eq. 8 is made of; the motion image as what changes in the reference.

        Pasted into a larger picture, what does not change keeps that picture's texture.

        Args:
            images: the reference.
            condition: of each frame.
        """
        assert images is not None  # it shows a picture that it was given
        motion, mask = self.vg_net.draw(condition, images.dtype)
        return Drawn(motion - images, mask, torch.zeros_like(images[:, :2]))

    def finish(self, planes: Planes, trail: Nest) -> tuple[Planes, Nest]:
        """Let ATVG-P's frames lie on those before them, rather than on the reference."""
        if self.vg_net.background == "reference":
            return planes, None
        return onto_previous(planes, cast(Trail | None, trail))

    def predict(
        self,
        mel: Float[Tensor, "B T 80 S"],
        still: Float[Tensor, "B 68 2"],
        state: LSTMState | None = None,
    ) -> tuple[Float[Tensor, "B T K"], LSTMState]:
        """AT-net (eq. 3): the coefficients h_t that go with the sound."""
        return self.at_net(mel, self.shape.coefficients(still), state)

    def landmarks_of(
        self, coefficients: Float[Tensor, "B T K"], still: Float[Tensor, "B 68 2"]
    ) -> Float[Tensor, "B T 68 2"]:
        """p̂_t of eq. 4, in pixels of the reference's crop and in its pose.

        Counted from the reference, p_p + (h_t - h_p) ⊙ ω · Uᵀ, rather than from the mean shape:
        what the components cannot say of a person's shape stays that person's.
        """
        change = coefficients - self.shape.coefficients(still).unsqueeze(1)
        boosted = torch.cat([change[..., :1], self.boost * change[..., 1:]], -1)
        alignment = self.shape.alignment(still.unsqueeze(1))
        upright = alignment.apply(still.unsqueeze(1)) + self.shape.offsets(boosted)
        return alignment.undo(upright)

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        still: Float[Tensor, "B 68 2"],
        landmarks: Float[Tensor, "B T 68 2"],
    ) -> Painted:
        """VG-net (eq. 2): arguments as of [`VGNet`][avfuse.methods.atvgnet.vg_net.VGNet]."""
        return self.vg_net(image, still, landmarks)

    def speak(
        self,
        image: Float[Tensor, "B 3 H W"],
        still: Float[Tensor, "B 68 2"],
        mel: Float[Tensor, "B T 80 S"],
    ) -> tuple[Painted, Float[Tensor, "B T 68 2"]]:
        """Whole clips from sound (eq. 1 and 2), many at once.

        Args:
            image: the references, RGB in [0, 1].
            still: their landmarks, in pixels.
            mel: the windows of every frame.

        Returns:
            The frames and what they are made of; and p̂, what the sound was turned to, in pixels.
        """
        landmarks = self.landmarks_of(self.predict(mel, still)[0], still)
        return self(image, still, landmarks), landmarks
