"""The adapted U-Net of the paper's Figure 3: encode, fuse, decode, blend."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.errors import InputError
from avfuse.fusion.base import FusionFactory
from avfuse.fusion.naming import describe, factory, options
from avfuse.geometry.lips import seen_lips
from avfuse.layers.audio_encoder import AudioEncoder
from avfuse.layers.folding import compute_in, folded
from avfuse.layers.warp import blend, warp
from avfuse.method import Method, plain_config
from avfuse.methods.dynamic_kernels.decoder import Decoder, LateDecoder
from avfuse.methods.dynamic_kernels.face_encoder import FaceEncoder
from avfuse.sound.mel import Hearing
from avfuse.types import Condition, Dims, Drawn, Generated, Seen

Motion = Literal["flow", "change", "image"]
"""What the motion image M is made of: the input, warped and changed; the input, changed; itself."""

_REACH = 0.125  # how far a pixel may come from, as a share of the size trained for


class Generator(Method[Condition, tuple[()], tuple[()]]):
    """Frames and sound in, frames that speak out.

    Args:
        fusion: how sound gets in: a [`Fusion`][avfuse.Fusion] class or partial.
        channels: of the pyramid, fine to coarse (paper: 5 levels, 256 at the bottleneck).
        blocks: residual blocks a level, fine to coarse; none for the plain U-Net.
        blend: whether M is blended with the input by eq. 7, or the network draws the output itself
            (the paper's w/o-blending ablation).
        motion: what M is made of. The paper's is a free colour image, `image`. `flow` keeps the
            texture of what moves, at whatever resolution it is pasted; `change` is that without
            the warp.
        mel_steps: mel steps the audio encoder hears around a frame (16: 200 ms).
        audio_width: width of the audio encoder (32: Wav2Lip's).
        audio_windows: of 16 mel steps that it hears one by one, spread over `mel_steps`; None hears
            them all at once.
        size: pixels a side that it is trained for; it takes any that divide by `stride`.
    """

    paper: ClassVar[str] = (
        "Ye et al., Audio-Driven Talking Face Video Generation with Dynamic Convolution Kernels"
    )
    any_size: ClassVar[bool] = True
    tiny: ClassVar[Mapping[str, Any]] = {
        "fusion": {"class_path": "DynamicKernel", "init_args": {"rank": 2}},
        "channels": [4, 4, 8, 8, 8],
        "audio_width": 2,
        "size": 64,
    }

    def __init__(
        self,
        fusion: FusionFactory,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] | None = None,
        blend: bool = True,
        motion: Motion = "flow",
        mel_steps: int = 16,
        audio_width: int = 32,
        audio_windows: int | None = None,
        size: int = 256,
    ) -> None:
        config = plain_config(locals())
        super().__init__()
        blocks = (0,) * len(channels) if blocks is None else blocks
        if min(channels, default=0) < 1 or min(blocks) < 0 or len(blocks) != len(channels):
            raise ValueError(
                f"channels={tuple(channels)}, blocks={tuple(blocks)}; expected positive channels "
                f"and one number of blocks a level"
            )
        if motion not in get_args(Motion):
            raise ValueError(f"motion={motion!r}; expected {', '.join(get_args(Motion))}")
        self.face = FaceEncoder(channels, blocks)
        self.audio = AudioEncoder(mel_steps, audio_width, audio_windows)
        self.fusion = fusion(Dims(self.face.channels, self.audio.dim, self.audio.positions))
        self.decoder = Decoder(channels, blocks)
        self.heads = _heads(channels[0], motion)
        self.blend, self.motion = blend, motion
        self.size = size
        self.landmarks = self.fusion.sees_lips
        self.hears = Hearing.centred(mel_steps)
        self.stride: int = 2 ** len(channels)
        described = describe(fusion, self.fusion)
        self.portable = described is not None
        self.config = {**config, "fusion": described, "blocks": list(blocks)}

    @classmethod
    def build(cls, config: Mapping[str, Any]) -> "Generator":
        """Build one, its strategy by the name that it has there; dynamic kernels unless named.

        Raises:
            InputError: the strategy is not imported.
            ValueError: none is named.
        """
        plain = {"fusion": {"class_path": "DynamicKernel", "init_args": {}}, **config}
        described = plain.pop("fusion")
        if described is None:
            raise ValueError("fusion=None; a configuration has to name a strategy")
        return cls(factory(described), **plain)

    @classmethod
    def spelled_out(cls, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Its options, and its strategy's under `fusion.`."""
        plain = {k: v for k, v in config.items() if k != "fusion"}
        return {**dict(options(config["fusion"])), **plain} if config.get("fusion") else plain

    def listen(self, mel: Float[Tensor, "B T 80 S"]) -> Float[Tensor, "B T D"]:
        """The audio feature of every mel window (h1 of eq. 2)."""
        return self.audio(mel.flatten(0, 1)).unflatten(0, mel.shape[:2])

    def condition(
        self, mel: Float[Tensor, "B T 80 S"], given: Float[Tensor, "B T 20 2"] | None = None
    ) -> Condition:
        """From mel windows to everything that drives the mouth, (B, T, ...).

        Args:
            mel: what is heard.
            given: lips as the frames show them, where the strategy is to know them.
        """
        return self.fusion.prepare(Condition(self.listen(mel), given=given))

    def prepare(
        self,
        heard: Float[Tensor, "1 T 80 S"],
        seen: Seen | None = None,
        person: tuple[()] = (),
        state: tuple[()] | None = None,
    ) -> tuple[Condition, tuple[()]]:
        """The sound's side of frames in a row; nothing of it goes from one to the next.

        A strategy that is to know the lips that are given finds them in what is seen.
        """
        given = None
        if self.landmarks and seen is not None and seen.landmarks is not None:
            given = seen_lips(seen.landmarks.to(heard)).nan_to_num()[None]
        return self.condition(heard, given).fold(), ()

    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: Condition) -> Drawn:
        """What eq. 7 is made of; sides divisible by `stride`.

        Raises:
            ValueError: they are not.
        """
        assert images is not None  # it works on footage
        if images.shape[-1] % self.stride or images.shape[-2] % self.stride:
            raise ValueError(
                f"image is {images.shape[-1]}x{images.shape[-2]}; sides must divide by "
                f"{self.stride}"
            )
        fused = self.fusion(self.face(images), condition)
        heads = self.heads(self.decoder(fused.features)).to(images.dtype)
        mask = heads[:, 3:4].sigmoid()
        if self.motion == "image":
            return Drawn(heads[:, :3].sigmoid(), mask if self.blend else None, None, fused.aux)
        if not self.blend:
            rest = torch.zeros_like(heads[:, :2])
            return Drawn(heads[:, :3].sigmoid() - images, torch.ones_like(mask), rest, fused.aux)
        # M "presents the change" (IV-C): the network need not learn to copy what it was given, and
        # lips that move keep their texture. What opens between them only the change can draw.
        bounded = heads.tanh()  # all at once: a few channels alone do not lie densely, and are slow
        if self.motion == "change":
            return Drawn(bounded[:, :3], mask, torch.zeros_like(bounded[:, :2]), fused.aux)
        return Drawn(bounded[:, :3], mask, bounded[:, 4:] * (_REACH * self.size), fused.aux)

    def forward(self, image: Float[Tensor, "N 3 H W"], condition: Condition) -> Generated:
        """Frame side: images (sides divisible by `stride`) and a folded condition."""
        colour, mask, flow, aux = self.draw(image, condition)
        motion = colour if flow is None else (warp(image, flow) if self.blend else image) + colour
        if mask is None:
            mask = torch.ones_like(colour[:, :1])
        return Generated(blend(image, mask, motion), mask, motion, flow, aux)

    def lean(self, dtype: torch.dtype) -> "Generator":
        """A copy that does less work, equal but for rounding.

        Batch norms are part of the convolutions before them, and the decoder is a `LateDecoder`.

        Args:
            dtype: of the middle. First and last layers stay in float32: what the mel loses when it
                is rounded, and what the flow does, shows in the picture more than all the rest.
        """
        copied = folded(copy.deepcopy(self).eval().requires_grad_(False))
        late = LateDecoder(copied.decoder)
        copied.add_module("decoder", late)
        if dtype != torch.float32:
            ups, skips, rests = (list(parts)[:-1] for parts in (late.ups, late.skips, late.rests))
            outer = *copied.face.levels[1:], *copied.audio.layers[1:]
            for part in (*outer, *ups, *skips, *rests):
                compute_in(part, dtype)
            compute_in(late.ups[-1], torch.float32)
            copied.fusion.to(dtype)
            copied.fusion.register_forward_pre_hook(
                lambda _, given: ((*given[0][:-1], given[0][-1].to(dtype)), given[1])
            )
        return copied.to(memory_format=torch.channels_last)


def dynamic(method: Method) -> Generator:
    """A model with dynamic kernels.

    Raises:
        InputError: it has none.
    """
    if not isinstance(method, Generator):
        raise InputError("the model has no dynamic kernels; give one of dynamic_kernels")
    return method


def _heads(channels: int, motion: Motion) -> nn.Sequential:
    """Colour (3 channels), α (1) and flow (2), four pixels each; the flow starts from rest."""
    conv = nn.Conv2d(channels, 4 * (6 if motion == "flow" else 4), 3, 1, 1)
    nn.init.zeros_(conv.weight[16:])
    nn.init.zeros_(cast(Tensor, conv.bias)[16:])
    return nn.Sequential(conv, nn.PixelShuffle(2))
