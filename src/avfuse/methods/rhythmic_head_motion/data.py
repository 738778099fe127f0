"""What the stages train on: sound and expression, motion before and after, and frames of heads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset
from tqdm import tqdm

from avfuse.data.clip import ClipFile
from avfuse.data.datamodule import TalkingClips
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import starts
from avfuse.data.preprocess import Source
from avfuse.methods.rhythmic_head_motion.heads import Head, Passage
from avfuse.methods.rhythmic_head_motion.matcher import matched
from avfuse.methods.rhythmic_head_motion.mesh import least_rotated, projected, unprojected
from avfuse.methods.rhythmic_head_motion.method import HEARS
from avfuse.methods.rhythmic_head_motion.noise import NoiseBank

MARGIN = 1.9
"""Sides of a cached crop, in those of the library's square: what the method's framing shows."""


class Said(NamedTuple):
    """Frames for Ψ.

    Attributes:
        heard: their sound, noise under it in training.
        identity: whose face they show.
        expression: PCA components.
    """

    heard: Float[Tensor, "B M S"]
    identity: Float[Tensor, "B I"]
    expression: Float[Tensor, "B L"]


class Moved(NamedTuple):
    """Passages for Φ.

    Attributes:
        before: poses of the reference frames.
        said: their sound.
        poses: of frames that are to be predicted.
        heard: their sound.
    """

    before: Float[Tensor, "B K 6"]
    said: Float[Tensor, "B K M S"]
    poses: Float[Tensor, "B T 6"]
    heard: Float[Tensor, "B T M S"]


class Shown(NamedTuple):
    """Frames for Θ, and what they are made of.

    Pictures are RGB, uint8 before they are on the training's device and in [0, 1] then.

    Attributes:
        target: y_t.
        points: its landmarks, in pixels.
        images: K references.
        image_points: theirs.
        matched: which of these the motion matcher has chosen.
        projected: ỹ_t.
        projected_points: its.
        heard: the target's sound.
        identity: whose face it is.
        expression: the target's.
        pose: the target's.
    """

    target: Tensor
    points: Float[Tensor, "B 68 2"]
    images: Tensor
    image_points: Float[Tensor, "B K 68 2"]
    matched: Int[Tensor, "B"]
    projected: Tensor
    projected_points: Float[Tensor, "B 68 2"]
    heard: Float[Tensor, "B M S"]
    identity: Float[Tensor, "B I"]
    expression: Float[Tensor, "B L"]
    pose: Float[Tensor, "B 6"]


class Drawing(NamedTuple):
    """How samples are drawn.

    Attributes:
        length: samples an epoch.
        frames: in a row, of a passage.
        size: pixels a side.
        history: τ, frames at the beginning of a passage that references are taken from.
        shots: K.
        seed: of everything random.
        strength: of random views and choices; 0 for validation.
    """

    length: int
    frames: int
    size: int
    history: int
    shots: int
    seed: int
    strength: float


class HeadSamples(Dataset[Any], ABC):
    """Samples drawn at random from passages; item i stays the same, and differs for every i.

    Args:
        heads: what is drawn from.
        shares: how often each is, relative.
        drawing: how.
        noise: mixed under the sound; None for nothing.
    """

    def __init__(
        self,
        heads: Sequence[Head],
        shares: Sequence[float],
        drawing: Drawing,
        noise: NoiseBank | None = None,
    ) -> None:
        self.heads, self.drawing, self.noise = heads, drawing, noise
        self.shares = np.asarray(shares, np.float64) / np.sum(shares)

    def __len__(self) -> int:
        return self.drawing.length

    def __getitem__(self, index: int) -> Any:
        rng = np.random.default_rng((self.drawing.seed, index))
        head, count = self.heads[rng.choice(len(self.heads), p=self.shares)], self.drawing.frames
        begins = starts(head.clip.valid, count)
        at = int(np.searchsorted(head.clip.valid, rng.choice(begins)))
        return self.sample(head.part(slice(at, at + count)), rng)

    @abstractmethod
    def sample(self, passage: Passage, rng: np.random.Generator) -> Any:
        """Make a sample of a passage."""


class SaidFrames(HeadSamples):
    """Samples for Ψ: any frame of a passage."""

    def sample(self, passage: Passage, rng: np.random.Generator) -> Said:
        one = passage.at(rng.integers(len(passage.places), size=1))
        heard = one.heard(HEARS)
        if self.noise is not None:
            heard = self.noise.under(heard, passage.head.clip.mel, rng)
        identity, expression, _ = one.found
        return Said(heard[0], identity, expression[0])


class MovingHeads(HeadSamples):
    """Samples for Φ: τ frames, and those that follow."""

    def sample(self, passage: Passage, rng: np.random.Generator) -> Moved:
        history = min(self.drawing.history, len(passage.places) - 1)
        passage = passage.seen_from(history)
        poses, heard = passage.found.poses, passage.heard(HEARS)
        return Moved(poses[:history], heard[:history], poses[history:], heard[history:])


class ShownHeads(HeadSamples):
    """Samples for Θ: K references of the first τ frames, and any other frame."""

    def sample(self, passage: Passage, rng: np.random.Generator) -> Shown:
        given, count = self.drawing, len(passage.places)
        history = min(given.history, count)
        passage = passage.seen_from(history).nudged(rng, given.strength)
        few = history < given.shots
        chosen = np.sort(rng.choice(history, given.shots, replace=few))
        others = np.setdiff1d(np.arange(count), chosen)
        number = int(rng.choice(others if len(others) else np.arange(count)))
        return self._shown(passage, chosen, number, history, rng)

    def _shown(
        self,
        passage: Passage,
        chosen: np.ndarray,
        number: int,
        history: int,
        rng: np.random.Generator,
    ) -> Shown:
        size, found = self.drawing.size, passage.found
        front, pose = least_rotated(found.poses[:history]), found.poses[number]
        pictures = passage.at(np.array([number, front, *chosen])).images(size)
        mesh = unprojected(pictures[1].float() / 255, found, front)
        turned = projected(mesh, pose[None])
        passed = int(rng.integers(len(chosen) // 2 + 1)) if self.drawing.strength else 0
        points, one = passage.points(size), passage.at(np.array([number]))
        return Shown(
            pictures[0],
            points[number],
            pictures[2:],
            points[chosen],
            matched(pose[None], found.poses[chosen], passed)[0],
            (turned.images[0] * 255).round().byte(),
            turned.points[0],
            one.heard(HEARS)[0],
            found.identity,
            found.expression[number],
            pose,
        )


class HeadClips(TalkingClips):
    """[`TalkingClips`][avfuse.data.datamodule.TalkingClips], of which whole heads are taken.

    Videos are cropped wider than there, and every clip's head is taken apart once; what was found
    lies beside the cached clip. Of procedural faces each is two clips.

    Args:
        history: τ, the method's.
        shots: K, the method's.
        noise: folder of recordings that are mixed under the sound; None makes noise.
        **options: as of `TalkingClips`; `frames` is how long passages are.
    """

    samples: ClassVar[type[HeadSamples]]
    noisy: ClassVar[bool] = False

    def __init__(
        self, history: int = 64, shots: int = 8, noise: str | None = None, **options: Any
    ) -> None:
        super().__init__(mel_steps=HEARS.steps, mel_ahead=HEARS.ahead, **options)
        self.history, self.shots = history, shots
        self.recordings = noise

    def sources(self) -> list[Source]:
        return [source.wide(MARGIN) for source in super().sources()]

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        train, held = self.train, self.val
        noise = NoiseBank(self.recordings) if self.noisy else None
        self.train = self._drawn(train, self.augmentation, noise)  # type: ignore[assignment]
        self.val = [self._drawn(part, 0.0) for part in held]  # type: ignore[misc]

    def on_after_batch_transfer(  # type: ignore[override] # other batches
        self, batch: Said | Moved | Shown, dataloader_idx: int
    ) -> Said | Moved | Shown:
        """Pictures in [0, 1]."""
        if not isinstance(batch, Shown):
            return batch
        names = ("target", "images", "projected")
        return batch._replace(**{name: getattr(batch, name).float() / 255 for name in names})

    def _drawn(
        self, pairs: PairDataset, strength: float, noise: NoiseBank | None = None
    ) -> HeadSamples:
        shares: dict[ClipFile, float] = {}
        for source, share in zip(pairs.sources, pairs.shares, strict=True):
            shares |= {clip: float(share) / len(source.clips) for clip in source.clips}
        bar = tqdm(shares, "taking heads apart", unit="clip", disable=None)
        drawing = Drawing(
            pairs.length, self.frames, pairs.size, self.history, self.shots, pairs.seed, strength
        )
        return self.samples([Head(clip) for clip in bar], [*shares.values()], drawing, noise)


class SaidClips(HeadClips):
    """For Ψ: one frame a sample, noise under its sound in training."""

    samples = SaidFrames
    noisy = True


class MovingClips(HeadClips):
    """For Φ: passages of motion and sound."""

    samples = MovingHeads


class ShownClips(HeadClips):
    """For Θ: references and frames."""

    samples = ShownHeads
