"""ATVGnet whole: from one picture and sound to landmarks, and from landmarks to frames."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.methods.atvgnet.at_net import ATNet, LSTMState
from avfuse.methods.atvgnet.shape import LandmarkPCA
from avfuse.methods.atvgnet.vg_net import Background, Painted, VGNet


class State(NamedTuple):
    """What a chunk of a clip leaves for the next one; None at the clip's beginning.

    Attributes:
        heard: of AT-net.
        memory: of VG-net's convolutional RNN.
        last: the last frame, (B, 3, H, W).
    """

    heard: LSTMState | None = None
    memory: Tensor | None = None
    last: Tensor | None = None


BEGINNING = State()
"""Of a clip: nothing was heard or drawn yet."""


class Spoken(NamedTuple):
    """A clip, or a chunk of one, that speaks.

    Attributes:
        painted: the frames and what they are made of.
        landmarks: p̂, what the sound was turned to, in pixels of the crop, (B, T, 68, 2).
        state: for the next chunk.
    """

    painted: Painted
    landmarks: Tensor
    state: State


class ATVGnet(nn.Module):
    """Hierarchical cross-modal talking face generation (Chen et al. 2019).

    Unlike [`Generator`][avfuse.Generator], which changes each frame by itself, it makes a clip out
    of one picture, over time: its landmarks and its frames depend on what came before them.

    Args:
        channels: of VG-net's image encoder, fine to coarse.
        blocks: VG-net's residual blocks.
        audio_width: of AT-net.
        mel_steps: mel steps of a window.
        size: pixels a side, divisible by 16; it takes no other.
        components: principal components of the landmarks.
        boost: ω of eq. 4, by which all components but the first are enhanced.
        blend: eq. 8, or the motion image itself (w/o DMA).
        recurrent: the multi-modal convolutional RNN, or a network of single frames (w/o MMCRNN).
        background: what eq. 8 blends with: the reference, or the previous frame (ATVG-P).

    Attributes:
        over_time: whether it is given (B, T, ...) rather than single frames.
        config: what it takes to build it again, as plain values.
    """

    over_time: ClassVar[bool] = True

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
        super().__init__()
        self.shape = LandmarkPCA(components)
        self.at_net = ATNet(mel_steps, components, audio_width)
        self.vg_net = VGNet(
            channels, blocks, size, blend=blend, recurrent=recurrent, background=background
        )
        self.boost, self.mel_steps, self.size = boost, mel_steps, size
        self.config: dict[str, Any] = {
            "network": type(self).__name__,
            "channels": list(channels),
            "blocks": blocks,
            "audio_width": audio_width,
            "mel_steps": mel_steps,
            "size": size,
            "components": components,
            "boost": boost,
            "blend": blend,
            "recurrent": recurrent,
            "background": background,
        }

    def predict(
        self,
        mel: Float[Tensor, "B T 80 S"],
        still: Float[Tensor, "B 68 2"],
        state: LSTMState | None = None,
    ) -> tuple[Float[Tensor, "B T K"], LSTMState]:
        """AT-net (eq. 3): the coefficients h_t that go with the sound."""
        return self.at_net(mel, self.shape.coefficients(still), state)

    def landmarks(
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
        memory: Tensor | None = None,
        last: Tensor | None = None,
    ) -> Painted:
        """VG-net (eq. 2): arguments as of [`VGNet`][avfuse.methods.atvgnet.vg_net.VGNet]."""
        return self.vg_net(image, still, landmarks, memory, last)

    def speak(
        self,
        image: Float[Tensor, "B 3 H W"],
        still: Float[Tensor, "B 68 2"],
        mel: Float[Tensor, "B T 80 S"],
        state: State = BEGINNING,
    ) -> Spoken:
        """Make pictures speak (eq. 1 and 2).

        Args:
            image: the reference, RGB in [0, 1].
            still: its landmarks, in pixels.
            mel: the windows of frames in a row.
            state: what the last chunk of the same clip left.
        """
        coefficients, heard = self.predict(mel, still, state.heard)
        landmarks = self.landmarks(coefficients, still)
        painted = self(image, still, landmarks, state.memory, state.last)
        after = State(heard, painted.memory, painted.image[:, -1])
        return Spoken(painted, landmarks, after)
