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


class Painted(NamedTuple):
    """Frames in a row, what they were made of, and what the next ones need.

    Attributes:
        image: v̂ = α·m + (1-α)·i_p (eq. 8), in [0, 1].
        mask: attention mask α in [0, 1]; 1 where blending is off.
        motion: motion image m, in [0, 1].
        memory: the convolutional RNN's state after the last frame; None without one.
    """

    image: Float[Tensor, "B T 3 H W"]
    mask: Float[Tensor, "B T 1 H W"]
    motion: Float[Tensor, "B T 3 H W"]
    memory: Tensor | None


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

    def forward(
        self, landmarks: Float[Tensor, "N 68 2"]
    ) -> tuple[Float[Tensor, "N D h w"], Float[Tensor, "N C h w"]]:
        """Maps for the attention, and the code, of landmarks in pixels of the crop."""
        centred = (2 * landmarks + 1) / self.size - 1
        marks = self.middle(self.spread(centred.flatten(1)))
        return marks, self.code(marks)


class VGNet(nn.Module):
    """VG-net (eq. 5 to 8).

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

    def forward(
        self,
        image: Float[Tensor, "B 3 H W"],
        still: Float[Tensor, "B 68 2"],
        landmarks: Float[Tensor, "B T 68 2"],
        memory: Float[Tensor, "B C h w"] | None = None,
        last: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Painted:
        """Draw frames in a row.

        Args:
            image: i_p, the reference.
            still: p_p, its landmarks, in pixels.
            landmarks: p_1 to p_T, likewise.
            memory: what the clip's last chunk left; None at its beginning.
            last: the last chunk's last frame, where frames are blended with the previous one.
        """
        shape = landmarks.shape[:2]
        fine = self.shallow(image)
        seen = self.deep(fine)
        everything = torch.cat([still, landmarks.flatten(0, 1)])
        marks, code = (_split(maps, shape) for maps in self.marks(everything))
        moved = torch.cat([_along(seen, shape), code[1] - code[0]], 2)  # eq. 5
        fused = self.fuse(moved.flatten(0, 1)).unflatten(0, shape)
        both = torch.cat([marks[1], marks[0].expand_as(marks[1])], 2)
        drawn, memory = self.middle(fused, both, fine, memory)
        heads = self.decode(drawn.flatten(0, 1)).unflatten(0, shape).to(image.dtype)
        motion, mask = (heads[:, :, :3].tanh() + 1) / 2, heads[:, :, 3:].sigmoid()
        if not self.blend:
            return Painted(motion, torch.ones_like(mask), motion, memory)
        if self.background == "reference":
            return Painted(_along(image, shape).lerp(motion, mask), mask, motion, memory)
        return Painted(
            _onto_previous(motion, mask, image if last is None else last), mask, motion, memory
        )


def _split(
    maps: Float[Tensor, "N C h w"], shape: tuple[int, ...]
) -> tuple[Float[Tensor, "B 1 C h w"], Float[Tensor, "B T C h w"]]:
    """The reference's maps, and those of the frames with time apart."""
    return maps[: shape[0]].unsqueeze(1), maps[shape[0] :].reshape(*shape, *maps.shape[1:])


def _along(x: Float[Tensor, "B C H W"], shape: tuple[int, ...]) -> Float[Tensor, "B T C H W"]:
    return x.unsqueeze(1).expand(-1, shape[1], -1, -1, -1)


def _onto_previous(
    motion: Float[Tensor, "B T 3 H W"], mask: Float[Tensor, "B T 1 H W"], last: Tensor
) -> Float[Tensor, "B T 3 H W"]:
    frames = []
    for drawn, alpha in zip(motion.unbind(1), mask.unbind(1), strict=True):
        last = last.lerp(drawn, alpha)
        frames.append(last)
    return torch.stack(frames, 1)
