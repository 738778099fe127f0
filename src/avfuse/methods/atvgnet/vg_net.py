"""The visual generation network: a still face and landmarks over time become frames."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.layers.blocks import ConvBlock
from avfuse.methods.atvgnet.mmcrnn import MMCRNN, Framewise, Middle, Up

Background = Literal["reference", "previous"]
"""What a frame is blended with: eq. 8 as it is, or with the last generated frame (ATVG-P)."""

STRIDE = 16
"""Pixels of the picture for each of the bottleneck."""


class Marks(NamedTuple):
    """What is made of landmarks.

    Attributes:
        maps: for the attention (eq. 6), (N, D, h, w).
        code: f_lmark of eq. 5, (N, C, h, w).
    """

    maps: Float[Tensor, "N D h w"]
    code: Float[Tensor, "N C h w"]


class Known(NamedTuple):
    """What is made of the reference, once.

    Attributes:
        fine: i'_p of eq. 7, four times as fine as the bottleneck, (B, E, H, W).
        deep: f_img(i_p) of eq. 5, (B, C, h, w).
        marks: of its landmarks p_p.
    """

    fine: Float[Tensor, "B E H W"]
    deep: Float[Tensor, "B C h w"]
    marks: Marks


class Moving(NamedTuple):
    """What each frame is drawn from, whatever came before it; time is folded, N = B·T.

    Attributes:
        features: v''_t of eq. 5, as the memory has it where there is one, (N, F, h, w).
        maps: of the frame's landmarks, (N, D, h, w).
        still: those of the reference's landmarks, likewise.
        fine: i'_p, (N, E, H, W).
    """

    features: Float[Tensor, "N F h w"]
    maps: Float[Tensor, "N D h w"]
    still: Float[Tensor, "N D h w"]
    fine: Float[Tensor, "N E H W"]


class Painted(NamedTuple):
    """Frames in a row, and what they were made of.

    Attributes:
        image: v̂ = α·m + (1-α)·i_p (eq. 8), in [0, 1].
        mask: attention mask α in [0, 1]; 1 where blending is off.
        motion: motion image m, in [0, 1].
    """

    image: Float[Tensor, "B T 3 H W"]
    mask: Float[Tensor, "B T 1 H W"]
    motion: Float[Tensor, "B T 3 H W"]


class LandmarkEncoder(nn.Module):
    """Landmarks as maps of the bottleneck's size: f_lmark, and the layer before it.

    Args:
        size: pixels a side of the crop.
        middle: channels of the layer before.
        channels: of the code.
    """

    def __init__(self, size: int, middle: int, channels: int) -> None:
        super().__init__()
        self.size, side = size, size // STRIDE
        self.spread = nn.Sequential(
            nn.Linear(136, side * side), nn.LeakyReLU(0.2), nn.Unflatten(1, (1, side, side))
        )
        self.middle, self.code = ConvBlock(1, middle), ConvBlock(middle, channels)

    def forward(self, landmarks: Float[Tensor, "N 68 2"]) -> Marks:
        """Maps and code of landmarks in pixels of the crop."""
        centred = (2 * landmarks + 1) / self.size - 1
        maps = self.middle(self.spread(centred.flatten(1)))
        return Marks(maps, self.code(maps))


class VGNet(nn.Module):
    """VG-net (eq. 5 to 8): meet the reference, go over time, draw each frame.

    Args:
        channels: of the image encoder's five layers, fine to coarse; the others follow from them.
        blocks: residual blocks at the bottleneck.
        size: pixels a side, divisible by 16.
        blend: eq. 8, or the motion image itself (w/o DMA).
        recurrent: the convolutional RNN with its attention, or a network of single frames (w/o
            MMCRNN).
        background: what is blended with.
    """

    def __init__(
        self,
        channels: Sequence[int] = (64, 64, 128, 256, 512),
        blocks: int = 9,
        size: int = 128,
        *,
        blend: bool = True,
        recurrent: bool = True,
        background: Background = "reference",
    ) -> None:
        super().__init__()
        if len(channels) != 5 or min(channels) < 2 or blocks < 0 or size < 1 or size % STRIDE:
            raise ValueError(
                f"channels={tuple(channels)}, blocks={blocks}, size={size}; expected five channels "
                f"of at least 2, blocks that are not negative, and a size that {STRIDE} divides"
            )
        first, second, fine, middle, coarse = channels
        self.shallow = nn.Sequential(
            ConvBlock(3, first, kernel_size=7),
            ConvBlock(first, second, stride=2),
            ConvBlock(second, fine, stride=2),
        )
        self.deep = nn.Sequential(
            ConvBlock(fine, middle, stride=2), ConvBlock(middle, coarse, stride=2)
        )
        self.marks = LandmarkEncoder(size, middle, coarse)
        self.fuse = ConvBlock(2 * coarse, fine)
        kind = MMCRNN if recurrent else Framewise
        self.middle: Middle = kind(fine, 2 * middle, (fine, middle, coarse), blocks)
        self.decode = nn.Sequential(
            Up(fine, second), Up(second, first // 2), nn.Conv2d(first // 2, 4, 7, 1, 3)
        )
        self.blend, self.background = blend, background

    def meet(self, image: Float[Tensor, "B 3 H W"], marks: Marks) -> Known:
        """Everything of the reference.

        Args:
            image: i_p, RGB in [0, 1].
            marks: of its landmarks.
        """
        fine = self.shallow(image)
        return Known(fine, self.deep(fine), marks)

    def go_on(
        self, known: Known, marks: Marks, memory: Float[Tensor, "B F h w"] | None
    ) -> tuple[Moving, Float[Tensor, "B F h w"] | None]:
        """Eq. 5 and the memory, over frames in a row.

        Args:
            known: of B references.
            marks: of the landmarks of T frames each, folded.
            memory: what the frames before left; None at the beginning.

        Returns:
            What each frame is drawn from, and the memory for the frames that follow.
        """
        shape = len(known.deep), len(marks.code) // len(known.deep)
        change = _apart(marks.code, shape) - known.marks.code.unsqueeze(1)
        moved = torch.cat([_along(known.deep, shape[1]), change], 2)
        fused = self.fuse(moved.flatten(0, 1)).unflatten(0, shape)
        remembered, memory = self.middle.remember(fused, memory)
        still, fine = (_along(x, shape[1]).flatten(0, 1) for x in (known.marks.maps, known.fine))
        return Moving(remembered.flatten(0, 1), marks.maps, still, fine), memory

    def draw(
        self, moving: Moving, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "N 3 H W"], Float[Tensor, "N 1 H W"]]:
        """Motion image m and attention mask α of frames, each by itself (eq. 6 to 8).

        Args:
            moving: what they are drawn from.
            dtype: of the picture.
        """
        maps = torch.cat([moving.maps, moving.still], 1)
        heads = self.decode(self.middle(moving.features, maps, moving.fine)).to(dtype)
        mask = heads[:, 3:].sigmoid()
        return (heads[:, :3].tanh() + 1) / 2, mask if self.blend else torch.ones_like(mask)

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        still: Float[Tensor, "B 68 2"],
        landmarks: Float[Tensor, "B T 68 2"],
    ) -> Painted:
        """Draw clips from their beginning: all of the above, one after the other.

        Args:
            image: i_p, the reference.
            still: p_p, its landmarks, in pixels.
            landmarks: p_1 to p_T, likewise.
        """
        people, shape = len(still), landmarks.shape[:2]
        # All at once: batch norm, while it learns, has to see both alike for eq. 5 to subtract.
        everything = self.marks(torch.cat([still, landmarks.flatten(0, 1)]))
        still_marks, marks = (
            Marks(*(maps[part] for maps in everything))
            for part in (slice(people), slice(people, None))
        )
        moving, _ = self.go_on(self.meet(image, still_marks), marks, None)
        motion, mask = (_apart(x, shape) for x in self.draw(moving, image.dtype))
        if self.background == "reference":
            return Painted(_along(image, shape[1]).lerp(motion, mask), mask, motion)
        return Painted(_onto_previous(motion, mask, image), mask, motion)


def _apart(x: Float[Tensor, "N C H W"], shape: Sequence[int]) -> Float[Tensor, "B T C H W"]:
    return x.reshape(*shape, *x.shape[1:])


def _along(x: Float[Tensor, "B C H W"], frames: int) -> Float[Tensor, "B T C H W"]:
    return x.unsqueeze(1).expand(-1, frames, -1, -1, -1)


def _onto_previous(
    motion: Float[Tensor, "B T 3 H W"],
    mask: Float[Tensor, "B T 1 H W"],
    last: Float[Tensor, "B 3 H W"],
) -> Float[Tensor, "B T 3 H W"]:
    frames = []
    for drawn, alpha in zip(motion.unbind(1), mask.unbind(1), strict=True):
        last = last.lerp(drawn, alpha)
        frames.append(last)
    return torch.stack(frames, 1)
