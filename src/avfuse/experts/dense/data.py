"""Whose faces train the network of dense points, whose are kept out, and how often each is seen."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from avfuse.data.sampled import SampledData
from avfuse.data.share import mixed
from avfuse.data.split import every_nth
from avfuse.errors import InputError
from avfuse.experts.dense.samples import DenseSamples
from avfuse.experts.dense.sources import (
    PORTRAITS,
    Faces,
    Source,
    cached_faces,
    find_sources,
    read_faces,
)


class Parts(NamedTuple):
    """Faces by what they serve for, a source each.

    Attributes:
        train: to learn from.
        speakers: of clips that are kept out.
        portraits: that are kept out.
    """

    train: list[tuple[Source, Faces]]
    speakers: list[tuple[Source, Faces]]
    portraits: list[tuple[Source, Faces]]


def split(found: Sequence[tuple[Source, Faces]], unseen: Sequence[str], held_back: int) -> Parts:
    """Keep some clips and some portraits out of training.

    Args:
        found: all there is.
        unseen: speakers, or clips as `speaker/clip`.
        held_back: every n-th portrait is kept out, as of `every_nth`; 0 for none.

    Raises:
        InputError: if `unseen` names what is not there, or nothing is left.
    """
    names = [{source.person, f"{source.person}/{source.name}"} for source, _ in found]
    if unknown := set(unseen) - set().union(*names):
        raise InputError(f"data.unseen={sorted(unknown)}: no such speakers or clips")
    parts = Parts([], [], [])
    for (source, faces), own in zip(found, names, strict=True):
        if own & set(unseen):
            parts.speakers.append((source, faces))
        elif source.person == PORTRAITS:
            kept, aside = every_nth(range(len(faces.images)), held_back)
            parts.train.append((source, faces.only(kept)))
            if aside:
                parts.portraits.append((source, faces.only(aside)))
        else:
            parts.train.append((source, faces))
    if not parts.train:
        raise InputError("there is nothing to train on; leave somebody out of data.unseen")
    return parts


def shares(people: Sequence[str], portraits_share: float) -> list[float]:
    """How often to draw from each source: speakers alike, however many clips they have.

    Args:
        people: of each source.
        portraits_share: how much of it portraits make up.
    """
    count = Counter(people)
    weights = [1 / count[person] for person in people]
    return mixed(weights, [person == PORTRAITS for person in people], portraits_share)


class DenseFaces(SampledData[DenseSamples]):
    """Labelled clips and portraits as samples for the network of dense points.

    Validated on two sets, speakers kept out and portraits kept out; where one is empty, training's
    own serve.

    Args:
        videos: folder of labelled videos.
        labels: folder of their points.
        portraits: folder of portraits with their points; None: clips alone.
        portraits_share: how many samples come from portraits, 0 to 1.
        unseen: speakers, or clips as `speaker/clip`, kept out of training.
        held_back: every n-th portrait is kept out, as of `every_nth`; 0 for none.
        most: frames of a speaker that are kept, about.
        cache: where cropped faces are kept.
        batch: samples a batch.
        epoch: samples an epoch.
        validation: samples of each validation set.
        workers: processes that make samples.
        seed: of everything random.
    """

    def __init__(
        self,
        videos: str,
        labels: str,
        portraits: str | None = None,
        portraits_share: float = 0.6,
        unseen: Sequence[str] = (),
        held_back: int = 10,
        most: int = 600,
        cache: str = ".cache/dense",
        batch: int = 32,
        epoch: int = 15360,
        validation: int = 512,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def prepare_data(self) -> None:
        self._cached()

    def _cached(self) -> list[tuple[Source, Path]]:
        h = self.hparams
        portraits = None if h["portraits"] is None else Path(h["portraits"])
        sources = find_sources(Path(h["videos"]), Path(h["labels"]), portraits)
        return list(zip(sources, cached_faces(sources, h["most"], Path(h["cache"])), strict=True))

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        found = [(source, read_faces(path)) for source, path in self._cached()]
        train, *held = split(found, h["unseen"], h["held_back"])
        weights = shares([source.person for source, _ in train], h["portraits_share"])
        self.train = DenseSamples(
            [faces for _, faces in train], weights, length=h["epoch"], rough=True, seed=h["seed"]
        )
        self.val = [self._held(part or train) for part in held]

    def _held(self, part: list[tuple[Source, Faces]]) -> DenseSamples:
        h = self.hparams
        weights = shares([source.person for source, _ in part], h["portraits_share"])
        return DenseSamples(
            [faces for _, faces in part],
            weights,
            length=h["validation"],
            rough=False,
            seed=h["seed"] + 1,
        )

    def mean_points(self, count: int = 256) -> Float[Tensor, "468 3"]:
        """The mean face of so many samples, in pixels of what the network sees."""
        return torch.stack([self.train[i].points for i in range(count)]).mean(0)
