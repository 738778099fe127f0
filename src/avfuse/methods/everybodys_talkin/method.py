"""Everybody's Talkin' whole: from sound to expression, and from expression to painted mouths."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avfuse.experts.speakers.network import voice_features
from avfuse.geometry.heatmaps import heatmaps
from avfuse.geometry.mouth_mask import mouth_mask
from avfuse.method import Method, plain_config
from avfuse.methods.everybodys_talkin.deflicker import Trail, deflickered
from avfuse.methods.everybodys_talkin.expression import (
    AudioToExpression,
    Coordinates,
    Expressions,
    Regressed,
)
from avfuse.methods.everybodys_talkin.face import MOUTH_AND_JAW, Face
from avfuse.methods.everybodys_talkin.id_removing import IDRemoving
from avfuse.methods.everybodys_talkin.masking import masked, mouth_squares
from avfuse.methods.everybodys_talkin.renderer import Renderer
from avfuse.methods.everybodys_talkin.skin import shaded, skin_shades
from avfuse.methods.everybodys_talkin.smoothing import smoothed
from avfuse.methods.everybodys_talkin.window import windows
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn, Nest, Planes, Seen

Regress = Literal["expression", "landmarks"]
"""What sound is turned to: the 3-D face's expression, or 2-D landmarks (Table 1)."""

Colours = Literal["filmed", "skin"]
"""What colours the renderer works in: as they were filmed, or beside the skin's own."""

_NEAR = 0.5  # how far noise may be from the skin, in what it could be
_SPOT = 0.012  # standard deviation of a landmark's Gaussian, in sides of the crop


class Given(NamedTuple):
    """What each frame is drawn from.

    Attributes:
        stack: masked frames and heat maps of the window, the frame's own last; then, with
            `first_frame`, that.
        shades: what the colours are shifted by.
        mask: where what is drawn is pasted.
    """

    stack: Float[Tensor, "N C H W"]
    shades: Float[Tensor, "N 3"]
    mask: Float[Tensor, "N 1 H W"]


class State(NamedTuple):
    """What the frames so far have left: those that showed the face.

    Attributes:
        identity: whose face it is, by the first of them.
        landmarks: l'_{t-1} of Algorithm 1, in pixels of the crop.
        layers: the masked frames and heat maps before the next.
        first: the first of them, nothing masked, and its heat map.
    """

    identity: Float[Tensor, "K"]
    landmarks: Float[Tensor, "68 2"]
    layers: Float[Tensor, "_ 4 H W"]
    first: Float[Tensor, "1 4 H W"]


class EverybodysTalkin(Method[Given, tuple[()], State | None]):
    """Edits footage of anybody by the sound of anybody (Song et al. 2020).

    A 3-D face is fitted to the landmarks of the footage: its identity to the first frame that shows
    it, its pose to every one. Sound gives the expression. The mouth's points, projected, are drawn
    as heat maps, and a U-Net completes the picture, whose lower face is hidden from it.

    Frames that do not show the face are left out of the window, as if they were not there.

    Args:
        channels: of the renderer, fine to coarse; all but the first halve the size.
        audio_width: of the translation network's first layer; all others follow from it.
        coefficients: cepstra a step of the sound.
        components: k of eq. 1.
        id_removing: whether the ID-removing network stands before the translation (Table 2).
        regress: the 3-D face's expression, or 2-D landmarks (Table 1).
        identities: components of identity of the 3-D face.
        expressions: components of its expression; the paper's model has 29.
        history: frames that the renderer sees, the last of them its own.
        colours: as they were "filmed", or beside the "skin" of the same frame, so that the network
            paints what sets a mouth apart from the face that it lies in.
        first_frame: whether the renderer also sees the first frame that shows the face, with
            nothing masked: lips, teeth and beard of people it was not trained on.
        mel_steps: mel steps that a frame hears, 80 a second.
        mel_ahead: how many of them come after it.
        size: pixels a side.
        smoothing: s of Algorithm 1, for a side of the crop.
        still: d_th of Algorithm 1, in sides of the crop.
        deflicker: strength of eq. 7; 0 leaves it out (Table 6).
    """

    paper: ClassVar[str] = "Song et al., Everybody's Talkin': Let Me Talk as You Want, 2020"
    landmarks = True
    stages: ClassVar[tuple[str, ...]] = ("expression", "renderer", "together")
    tiny: ClassVar[Mapping[str, Any]] = {
        "channels": [4, 4, 8],
        "audio_width": 4,
        "components": 2,
        "identities": 4,
        "expressions": 4,
        "size": 64,
    }

    def __init__(
        self,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 432),
        audio_width: int = 64,
        coefficients: int = 13,
        components: int = 10,
        id_removing: bool = True,
        regress: Regress = "expression",
        identities: int = 60,
        expressions: int = 29,
        history: int = 7,
        colours: Colours = "filmed",
        first_frame: bool = False,
        mel_steps: int = 80,
        mel_ahead: float = 16.0,
        size: int = 256,
        smoothing: float = 200.0,
        still: float = 0.01,
        deflicker: float = 1.0,
    ) -> None:
        config = plain_config(locals())
        super().__init__()
        stride = 2 ** (len(channels) - 1)
        if size < 1 or size % stride or history < 1 or coefficients < 1:
            raise ValueError(
                f"size={size}, history={history}, coefficients={coefficients}; expected at least 1 "
                f"each, and a size that {stride} divides: each level of channels halves it"
            )
        self.config, self.size, self.hears = config, size, Hearing(mel_steps, mel_ahead)
        self.face = Face(identities, expressions)
        self.id_removing: nn.Module = nn.Identity()
        if id_removing:
            self.id_removing = IDRemoving(coefficients, components, audio_width)
        self.regressed: Regressed = (
            Coordinates(size) if regress == "landmarks" else Expressions(self.face)
        )
        self.translate = AudioToExpression(coefficients, self.regressed.count, audio_width)
        self.renderer = Renderer(4 * (history + first_frame), channels)
        self.coefficients, self.history = coefficients, history
        self.colours, self.first_frame = colours, first_frame
        even = torch.rand(3, size, size, generator=torch.Generator().manual_seed(0))
        self.register_buffer("noise", self.coloured(even), persistent=False)
        self.smoothing, self.still, self.flicker = smoothing / size, still * size, deflicker

    noise: Tensor

    @classmethod
    def free(cls, trained: Collection[str]) -> frozenset[str]:  # noqa: ARG003  a contract
        """What shapes no weight."""
        return frozenset({"smoothing", "still", "deflicker"})

    def prepare(
        self,
        heard: Float[Tensor, "1 T M S"],
        seen: Seen | None,
        person: tuple[()],
        state: State | None,
    ) -> tuple[Given, State | None]:
        """All but the renderer: expression, pose, landmarks, the window."""
        assert seen is not None  # it works on footage
        return self.guided(self.listen(self.sound(heard[0])), seen, state)

    def guided(
        self, values: Float[Tensor, "T D"], seen: Seen, state: State | None
    ) -> tuple[Given, State | None]:
        """The same, what the sound is turned to being known.

        Args:
            values: as of `regressed`.
            seen: the footage.
            state: what the frames before left.
        """
        assert seen.landmarks is not None
        there = ~seen.landmarks.isnan().flatten(1).any(1)
        given = self._nothing(len(there))
        if not there.any():
            return given, state
        points = seen.landmarks[there].to(self.device, torch.float32)
        images = seen.images[there].to(self.device).permute(0, 3, 1, 2).float() / 255
        identity = self.face.identify(points[:1]) if state is None else state.identity
        camera = self.face.fit(points, identity).camera
        spoken = self.regressed.points(values[there.to(values.device)], points, identity, camera)
        last = None if state is None else state.landmarks
        spoken = smoothed(spoken, last, MOUTH_AND_JAW, self.still, self.smoothing)
        resting = self.face.project(identity, values.new_zeros(len(points), self._moods), camera)
        shades = self.shades(images, resting)
        images = shaded(images, -shades)
        layers = self.layers(images, spoken, resting, self.noise)
        stack, layers = windows(layers, None if state is None else state.layers, self.history)
        first = self.unmasked(images[:1], points[:1]) if state is None else state.first
        drawn = Given(self.stacked(stack, first), shades, self._mask(points, spoken))
        for whole, part in zip(given, drawn, strict=True):
            whole[there.to(whole.device)] = part
        return given, State(identity, spoken[-1], layers, first)

    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: Given) -> Drawn:
        """Complete frames; the mask is the soft polygon around mouth and chin."""
        return Drawn(shaded(self.renderer(condition.stack), condition.shades), condition.mask)

    def finish(self, planes: Planes, trail: Nest) -> tuple[Planes, Nest]:
        """Take the flicker out (eq. 7)."""
        if not self.flicker:
            return planes, None
        return deflickered(planes, cast(Trail | None, trail), self.flicker)

    def sound(self, heard: Float[Tensor, "N M S"]) -> Float[Tensor, "N S C"]:
        """x of eq. 1: cepstra of windows; silence is 0."""
        return voice_features(heard, self.coefficients)

    def listen(self, x: Float[Tensor, "N S C"]) -> Float[Tensor, "N D"]:
        """What the sound is turned to (section 3.2), as of `regressed`."""
        return self.regressed(self.translate(self.id_removing(x)))

    def layers(
        self,
        images: Float[Tensor, "N 3 H W"],
        spoken: Float[Tensor, "N 68 2"],
        resting: Float[Tensor, "N 68 2"],
        noise: Float[Tensor, "*#N 3 H W"],
    ) -> Float[Tensor, "N 4 H W"]:
        """A masked frame and a heat map of each (section 3.3.1).

        Args:
            images: RGB in [0, 1], `shades` taken from them.
            spoken: landmarks to be, in pixels.
            resting: those of the same heads at rest, by which the mask lies.
            noise: what the mask is filled with.
        """
        hidden = masked(images, mouth_squares(resting), noise)
        return self.unmasked(hidden, spoken)

    def coloured(self, even: Float[Tensor, "*N 3 H W"]) -> Float[Tensor, "*N 3 H W"]:
        """Noise to mask with, from noise in [0, 1]: beside the skin, colours near its own.

        All colours that there are would shine through what a small network draws.
        """
        return even if self.colours == "filmed" else 0.5 + _NEAR * (even - 0.5)

    def unmasked(
        self, images: Float[Tensor, "N 3 H W"], points: Float[Tensor, "N 68 2"]
    ) -> Float[Tensor, "N 4 H W"]:
        """Frames as they are given, and the heat maps of mouth and jaw."""
        spots = heatmaps(points[:, MOUTH_AND_JAW], self.size, self.size, _SPOT * self.size)
        return torch.cat([images, spots], 1)

    def shades(
        self, images: Float[Tensor, "N 3 H W"], resting: Float[Tensor, "N 68 2"]
    ) -> Float[Tensor, "N 3"]:
        """What colours are shifted by before the renderer sees them, and back by after it."""
        if self.colours == "filmed":
            return images.new_zeros(len(images), 3)
        return skin_shades(images, resting)

    def stacked(
        self, windows: Float[Tensor, "N D H W"], first: Float[Tensor, "#N 4 H W"]
    ) -> Float[Tensor, "N E H W"]:
        """All that the renderer sees of each frame."""
        if not self.first_frame:
            return windows
        return torch.cat([windows, first.expand(len(windows), -1, -1, -1)], 1)

    @property
    def _moods(self) -> int:
        return len(self.face.expression)

    def _mask(
        self, seen: Float[Tensor, "N 68 2"], spoken: Float[Tensor, "N 68 2"]
    ) -> Float[Tensor, "N 1 H W"]:
        """Around the mouth and chin that are drawn, and around those that they replace."""
        shapes = (mouth_mask(points, self.size, self.size) for points in (seen, spoken))
        return torch.maximum(*shapes)

    def _nothing(self, frames: int) -> Given:
        """What is given of frames that do not show the face."""
        layers = 4 * (self.history + self.first_frame)
        empty = torch.zeros(frames, layers, self.size, self.size, device=self.device)
        return Given(empty, empty[:, :3, 0, 0].clone(), empty[:, :1].clone())
