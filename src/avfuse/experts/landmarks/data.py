"""Faces for training the landmark network: labelled clips and procedural faces, roughly handled."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset

from avfuse.data.clip import ClipFile
from avfuse.data.datamodule import TalkingClips
from avfuse.data.dataset import PairDataset
from avfuse.data.pairs import RenderedTwins, TransplantedMouths, View
from avfuse.data.sampled import SampledData
from avfuse.data.share import checked_share, mixed
from avfuse.experts.landmarks.wear import shuffled, worn
from avfuse.faces.landmarks import ROOM, SIZE
from avfuse.geometry.affine import sample
from avfuse.geometry.points import Image, Points


class Faces(NamedTuple):
    """A batch.

    Attributes:
        images: in [0, 1] as the network sees them.
        landmarks: in pixels of the image; meaningless where there is no face.
        is_face: whether there is one where the box says so.
    """

    images: Float[Tensor, "N 3 H W"]
    landmarks: Float[Tensor, "N 68 2"]
    is_face: Bool[Tensor, "N"]


class FaceSamples(Dataset[Faces]):
    """Frames of clips, each seen through another box and another camera.

    Args:
        clips: where the frames come from.
        weights: how often each clip is drawn from, relative.
        length: samples an epoch; item i differs for every i, also beyond.
        strength: of the augmentation; 0 only errs with the box as a cascade does.
        negatives: share of the samples without a face.
        seed: of everything random.
    """

    def __init__(
        self,
        clips: Sequence[ClipFile],
        weights: Sequence[float],
        *,
        length: int,
        strength: float,
        negatives: float,
        seed: int,
    ) -> None:
        self.clips, self.length = clips, length
        self.shares = np.asarray(weights, np.float64) / np.sum(weights)
        self.strength, self.negatives, self.seed = strength, negatives, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Faces:
        rng = np.random.default_rng((self.seed, index))
        is_face = rng.random() >= self.negatives
        view = jittered(rng, self.strength) if is_face else astray(rng)
        image, points = self._look(rng, view)
        if self.strength:
            if rng.random() < 0.4:
                other, _ = self._look(rng, astray(rng))
                image = self._beyond(image, other, rng)
            image = worn(image, rng)
        if not is_face:
            image = _spoilt(image, rng)
        tensor = torch.from_numpy(image).permute(2, 0, 1).float() / 255
        return Faces(tensor, torch.from_numpy(points.astype(np.float32)), torch.tensor(is_face))

    def _look(self, rng: np.random.Generator, view: View) -> tuple[Image, Points]:
        clip = self.clips[rng.choice(len(self.clips), p=self.shares)]
        index = int(rng.choice(clip.valid))
        matrix = view.matrix(clip.landmarks[index])
        image = sample(clip.frame(index), matrix, view.grid())
        return image, view.points(clip.landmarks[index], matrix)

    def _beyond(self, image: Image, other: Image, rng: np.random.Generator) -> Image:
        """Another picture behind the edge of this one, as if a thing or a frame ended there."""
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.36, 0.6) * SIZE
        axis = np.arange(SIZE) - SIZE / 2
        distance = axis * np.cos(angle) + axis[:, None] * np.sin(angle)
        return np.where((distance > reach)[..., None], other, image)


def jittered(rng: np.random.Generator, strength: float) -> View:
    """A box as trackers err, and with strength a tilted head and another shape of face."""
    spread = 1.0 if strength else 0.5
    warp = rng.normal(0, rng.uniform(0, 0.03), (4, 4, 2)).astype(np.float32) * strength
    tilt = rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(-35, 35)
    return View(
        SIZE,
        shift=tuple(rng.normal(0, 0.045, 2).clip(-0.12, 0.12) * spread),
        scale=float(ROOM * np.exp(rng.normal(0, 0.08) * spread)),
        angle=float(tilt * strength),
        mirror=bool(strength and rng.random() < 0.5),
        warp=warp if strength else None,
    )


def astray(rng: np.random.Generator) -> View:
    """A box that holds no face, or one far off its middle, far too large, small or tilted."""
    kind, turn = rng.integers(4), rng.uniform(0, 2 * np.pi)
    away = rng.uniform(0.5, 1.1) if kind < 2 else rng.uniform(0, 0.15)
    sides = {2: rng.uniform(0.2, 0.45), 3: rng.uniform(0.8, 1.4)}.get(
        int(kind), rng.uniform(0.5, 1.4)
    )
    angle = rng.uniform(80, 280) if kind == 3 else rng.uniform(-30, 30)
    shift = (away * np.cos(turn), away * np.sin(turn))
    return View(SIZE, shift=shift, scale=float(ROOM * sides), angle=float(angle))


def blank(rng: np.random.Generator) -> Image:
    """Next to nothing: one colour and a little noise, most often black or white, as in a fade."""
    colour = (rng.integers(-192, 448) + rng.normal(0, 20, 3)).clip(0, 255)
    noise = rng.normal(0, rng.uniform(0, 6), (SIZE, SIZE, 3))
    return (colour + noise).clip(0, 255).astype(np.uint8)


def _spoilt(image: Image, rng: np.random.Generator) -> Image:
    """What is no face, now and then without even the places of one."""
    kind = rng.random()
    if kind < 0.2:
        return shuffled(image, rng)
    return blank(rng) if kind < 0.3 else image


class LandmarkFaces(SampledData[FaceSamples]):
    """Labelled clips and procedural faces as samples for the landmark network.

    Clips, labels, cache and split are those of
    [`TalkingClips`][avfuse.data.datamodule.TalkingClips].

    Args:
        videos: folder of labelled videos, or None for procedural faces only.
        labels: folder of their landmarks.
        cache: where cropped clips are kept.
        synthetic: number of procedural faces.
        synthetic_share: how many samples come from them, 0 to 1.
        unseen: speakers, or clips as `speaker/clip`, kept out of training.
        held_back: every n-th clip of the other speakers is kept out too.
        negatives: share of the samples without a face.
        batch: samples a batch.
        epoch: samples an epoch.
        validation: samples of each validation set.
        workers: processes that make samples.
        seed: of everything random.
    """

    def __init__(
        self,
        videos: str | None = None,
        labels: str | None = None,
        cache: str = ".cache/clips",
        synthetic: int = 100,
        synthetic_share: float = 0.4,
        unseen: Sequence[str] = (),
        held_back: int = 10,
        negatives: float = 0.12,
        batch: int = 32,
        epoch: int = 15360,
        validation: int = 256,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        checked_share(synthetic_share)
        self.save_hyperparameters()
        h = self.hparams
        shared = ("videos", "labels", "cache", "synthetic", "unseen", "held_back", "seed")
        self.pairs = TalkingClips(**{name: h[name] for name in shared})

    def prepare_data(self) -> None:
        self.pairs.prepare_data()

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        self.pairs.setup()
        clips, weights = shares(self.pairs.train, h["synthetic_share"])
        self.train = FaceSamples(
            clips,
            weights,
            length=h["epoch"],
            strength=1.0,
            negatives=h["negatives"],
            seed=h["seed"],
        )
        self.val = []
        for pairs in self.pairs.val:
            held, weights = shares(pairs, 0.0)
            self.val.append(
                FaceSamples(
                    held,
                    weights,
                    length=h["validation"],
                    strength=0.0,
                    negatives=0.25,
                    seed=h["seed"] + 1,
                )
            )


def shares(pairs: PairDataset, synthetic_share: float) -> tuple[list[ClipFile], list[float]]:
    """The clips behind pairs, and how often to draw each.

    Speakers count nearly alike, whatever the number of their clips: faces differ more from each
    other than one face's frames do.
    """
    real = [s.clip for s in pairs.sources if isinstance(s, TransplantedMouths)]
    twins = [s for s in pairs.sources if isinstance(s, RenderedTwins)]
    made = [clip for twin in twins for clip in (twin.clip1, twin.clip2)]
    count = Counter(clip.path.parent for clip in real)
    weights = [*(count[clip.path.parent] ** -0.8 for clip in real), *[1.0] * len(made)]
    is_made = [False] * len(real) + [True] * len(made)
    return [*real, *made], mixed(weights, is_made, synthetic_share)
