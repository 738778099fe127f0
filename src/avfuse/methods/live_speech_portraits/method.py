"""Live Speech Portraits whole: from sound alone to a person who speaks, frame after frame."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avfuse.layers.lstm import State as Recurrent
from avfuse.method import Method, plain_config
from avfuse.methods.live_speech_portraits.condition_map import condition_maps
from avfuse.methods.live_speech_portraits.control import Control, Generated
from avfuse.methods.live_speech_portraits.head_pose import NUMBERS, Kept
from avfuse.methods.live_speech_portraits.manifold import Manifold
from avfuse.methods.live_speech_portraits.mouth import AudioToMouth
from avfuse.methods.live_speech_portraits.person import Person
from avfuse.methods.live_speech_portraits.pose_variants import NETWORKS
from avfuse.methods.live_speech_portraits.renderer import Renderer
from avfuse.methods.live_speech_portraits.shoulders import leaning
from avfuse.methods.live_speech_portraits.smoothing import smoothed
from avfuse.methods.live_speech_portraits.speech import APC, MEL, PAIR, fresh_steps
from avfuse.sound.mel import Hearing
from avfuse.types import Drawn, Seen

FPS = 60.0
"""Frames a second that it makes; two mel steps each."""

_LOOSE = {"ahead", "neighbours", "variety", "seed"} | {
    f"{what}_smoothing" for what in ("mouth", "rotation", "translation")
}
"""Options that shape no weight."""

_OF_STAGE = {
    "speech": {"speech_width"},
    "mouth": {"mouth_width"},
    "pose": {"pose_network", "pose_channels"},
    "renderer": {"channels", "residuals"},
}
"""Those that shape the network of a stage and nothing else, but for the representation's width."""


class Motion(NamedTuple):
    """Stage two of Fig. 2, of frames in a row.

    Attributes:
        face: the 73 points in space, in the head's own axes.
        poses: of the head, six numbers each.
    """

    face: Float[Tensor, "T P 3"]
    poses: Float[Tensor, "T 6"]


class Given(NamedTuple):
    """What each frame is drawn from, the person's candidates beside it.

    Attributes:
        maps: conditional feature maps.
    """

    maps: Float[Tensor, "N 1 H W"]


class State(NamedTuple):
    """What the frames so far have left.

    Attributes:
        frame: number of the next.
        speech: of the GRUs.
        mouth: of the LSTM.
        pose: inputs that the layers of the pose network still see.
        last: the last pose that was sampled.
        waiting: mouths, rotations and translations that the smoothing still sees.
    """

    frame: Int[Tensor, ""]
    speech: Float[Tensor, "L 1 D"]
    mouth: Recurrent
    pose: Kept
    last: Float[Tensor, "12"]
    waiting: tuple[Tensor, Tensor, Tensor]


class LiveSpeechPortraits(Method[Given, tuple[()], State]):
    """One person, live, from sound alone (Lu, Chai and Cao 2021).

    Sound becomes a representation, which is projected onto what the person has said; that becomes
    the mouth's points and the head's pose; they are drawn as lines, and a U-Net makes a frame of
    the lines and a few pictures of the person.

    All but the drawing runs `ahead` frames before what is shown, which is the delay: the pose too,
    which needs no future, so that it can be smoothed in both directions.

    Args:
        channels: of the renderer, fine to coarse; each halves the size.
        residuals: its residual blocks a level: 0, 1 or 2 (Table 3).
        ahead: d, frames of sound that the mouth hears before it moves (Table 1).
        speech_width: of the representation.
        mouth_width: of the mouth's network.
        pose_network: `convolutions`, or what Table 2 compares them with: `without_history`, `lstm`.
        pose_channels: of the pose network.
        neighbours: K of the manifold projection; 0 for none.
        bank: representations of the person that are kept.
        moments: frames of footage whose poses and upper face are kept.
        shoulders: points of the upper body; 0 for none (Table 3).
        candidates: N, images of the person that the renderer sees; 0 for none (Table 3).
        mouth_smoothing: standard deviation of the Gaussian over mouths, frames; the delay grows by
            three of them.
        rotation_smoothing: likewise over the head's rotation, which delays nothing.
        translation_smoothing: likewise over its translation.
        variety: of the noise that poses are sampled by.
        seed: of that noise.
        size: pixels a side.

    Attributes:
        control: where poses come from (Fig. 7).
    """

    paper: ClassVar[str] = (
        "Lu et al., Live Speech Portraits: Real-Time Photorealistic Talking-Head Animation, 2021"
    )
    footage: ClassVar[bool] = False
    whole: ClassVar[bool] = True
    fps: float | None = FPS
    stages: ClassVar[tuple[str, ...]] = ("speech", "mouth", "pose", "renderer")
    tiny: ClassVar[Mapping[str, Any]] = {
        "channels": [4, 4, 8],
        "ahead": 2,
        "speech_width": 8,
        "mouth_width": 8,
        "pose_channels": 4,
        "neighbours": 3,
        "bank": 16,
        "moments": 4,
        "size": 64,
    }

    def __init__(
        self,
        *,
        channels: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512),
        residuals: int = 1,
        ahead: int = 18,
        speech_width: int = 512,
        mouth_width: int = 512,
        pose_network: Literal["convolutions", "without_history", "lstm"] = "convolutions",
        pose_channels: int = 128,
        neighbours: int = 10,
        bank: int = 14_400,
        moments: int = 3_600,
        shoulders: int = 18,
        candidates: int = 4,
        mouth_smoothing: float = 1.0,
        rotation_smoothing: float = 4.0,
        translation_smoothing: float = 8.0,
        variety: float = 0.3,
        seed: int = 0,
        size: int = 512,
    ) -> None:
        config = plain_config(locals())
        super().__init__()
        stride = 2 ** len(channels)
        if size < 1 or size % stride or ahead < 0:
            raise ValueError(
                f"size={size}, ahead={ahead}; expected a size that {stride} divides, since each "
                f"level of channels halves it, and at least 0"
            )
        self.config, self.size = config, size
        self.ahead, self.waits = ahead, round(3 * mouth_smoothing)
        steps = PAIR * (1 + self.ahead + self.waits)
        self.hears = Hearing(steps, steps, MEL)
        self.speech = APC(speech_width)
        self.manifold = Manifold(bank, speech_width, neighbours)
        self.mouth = AudioToMouth(speech_width, mouth_width)
        self.pose = NETWORKS[pose_network](speech_width, pose_channels)
        self.person = Person(size, moments, shoulders, candidates)
        self.renderer = Renderer(1 + 3 * candidates, channels, residuals)
        self.control: Control = Generated()
        self.sigmas = mouth_smoothing, rotation_smoothing, translation_smoothing
        self.variety, self.seed = variety, seed

    @classmethod
    def free(cls, trained: Collection[str]) -> frozenset[str]:
        """What shapes no weight, and networks whose stage is yet to come."""
        ahead = [] if not trained else [s for s in cls.stages if s not in trained]
        return frozenset(_LOOSE.union(*(_OF_STAGE[stage] for stage in ahead)))

    def prepare(
        self,
        heard: Float[Tensor, "1 T M S"],
        seen: Seen | None,
        person: tuple[()],
        state: State | None,
    ) -> tuple[Given, State]:
        """All but the renderer: what is said, how the face moves, and the lines that show it."""
        motion, state = self.move(heard[0], state)
        return Given(self.drawn(motion)), state

    def draw(self, images: Float[Tensor, "N 3 H W"] | None, condition: Given) -> Drawn:
        """Translate maps to frames."""
        looks = self.person.candidates.flatten(0, 1).to(condition.maps.dtype) / 255
        every = looks.expand(len(condition.maps), -1, -1, -1)
        return Drawn(self.renderer(torch.cat([condition.maps, every], 1)))

    def say(
        self, steps: Float[Tensor, "S M"], state: Float[Tensor, "L 1 D"] | None
    ) -> tuple[Float[Tensor, "1 T F"], Float[Tensor, "L 1 D"]]:
        """Stage one: mel steps as the person might have said them, a pair a frame (section 3.1)."""
        h, state = self.speech(steps[None], state)
        return self.manifold(h[0]).unflatten(0, (-1, PAIR)).flatten(1)[None], state

    def move(self, heard: Float[Tensor, "T M S"], state: State | None) -> tuple[Motion, State]:
        """Stages one and two: how the face moves in frames in a row."""
        said, speech = self.say(
            fresh_steps(heard, begins=state is None), None if state is None else state.speech
        )
        early, mouth = self.mouth(said, None if state is None else state.mouth)
        early = early[0] if state is not None else early[0, self.ahead :]
        frame = torch.zeros((), dtype=torch.long) if state is None else state.frame
        frames = (frame + torch.arange(len(heard))).to(self.device)
        numbers, pose = self._sampled(said, int(frame), state)
        waiting = (None,) * 3 if state is None else state.waiting
        mouths, mouths_left = smoothed(early, waiting[0], self.sigmas[0], self.waits)
        poses, poses_left = self._smooth(self.person.posed(numbers), waiting[1:])
        face = self.person.spoken(mouths, frames)
        motion = Motion(face, self.control.poses(frames, poses, self.person))
        left = (mouths_left, *poses_left)
        return motion, State(frame + len(heard), speech, mouth, pose, numbers[-1], left)

    def drawn(self, motion: Motion) -> Float[Tensor, "T 1 H W"]:
        """The maps of a face that moves, the shoulders leaning after it."""
        person, camera = self.person, self.person.camera(motion.poses)
        board = leaning(person.board, motion.poses[:, 3:], person.pose_mean[3:])
        still = camera._replace(rotation=torch.eye(3).to(board).expand(len(board), -1, -1))
        shoulders = still._replace(translation=torch.zeros_like(camera.translation)).project(board)
        return condition_maps(camera.project(motion.face), shoulders, self.size).to(self.device)

    def _sampled(
        self, said: Float[Tensor, "1 R F"], frame: int, state: State | None
    ) -> tuple[Float[Tensor, "R 12"], Kept]:
        """Poses of all that is heard, ahead of what is shown."""
        first = frame + (0 if state is None else self.ahead + self.waits)
        noise = self.variety * _noise(self.seed, first, said.shape[1]).to(self.device)
        last = torch.zeros(NUMBERS, device=self.device) if state is None else state.last
        return self.pose.generate(said, noise, last, None if state is None else state.pose)

    def _smooth(
        self, poses: Float[Tensor, "R 6"], waiting: Sequence[Tensor | None]
    ) -> tuple[Float[Tensor, "T 6"], tuple[Tensor, Tensor]]:
        ahead = self.ahead + self.waits
        turned, first = smoothed(poses[:, :3], waiting[0], self.sigmas[1], ahead)
        moved, second = smoothed(poses[:, 3:], waiting[1], self.sigmas[2], ahead)
        return torch.cat([turned, moved], 1), (first, second)


def _noise(seed: int, first: int, count: int) -> Float[Tensor, "T 12"]:
    """Normal noise that depends on each frame's number and on nothing else."""
    drawn = (np.random.default_rng((seed, first + number)) for number in range(count))
    noise = np.stack([rng.standard_normal(NUMBERS, np.float32) for rng in drawn])
    return torch.from_numpy(noise)
