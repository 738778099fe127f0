"""What the stages train on: speech of many, passages of one person's takes, and their pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from avfuse.data.sampler import EpochSampler
from avfuse.errors import InputError
from avfuse.methods.live_speech_portraits.condition_map import condition_maps
from avfuse.methods.live_speech_portraits.footage import mouths, moving, sounding, speaks, split
from avfuse.methods.live_speech_portraits.method import FPS, LiveSpeechPortraits
from avfuse.methods.live_speech_portraits.take import Take
from avfuse.methods.live_speech_portraits.tracked import takes_of_person, track_person


class Passage(NamedTuple):
    """Frames in a row of a person who speaks.

    Attributes:
        said: pairs of representations, projected, of these frames and of those that the mouth's
            network hears ahead.
        mouth: displacements of the mouth's points.
        numbers: pose and speed, as the pose network sees them.
    """

    said: Float[Tensor, "B R F"]
    mouth: Float[Tensor, "B T V"]
    numbers: Float[Tensor, "B T N"]


class Portrait(NamedTuple):
    """Frames as they were filmed, and the lines that tell of them.

    Attributes:
        maps: conditional feature maps.
        images: RGB in [0, 1].
    """

    maps: Float[Tensor, "B 1 H W"]
    images: Float[Tensor, "B 3 H W"]


class Drawn(Dataset[Any]):
    """Batches drawn at random from places; item i stays the same, and differs for every i.

    Args:
        places: what a draw is of, by number.
        batch: draws an item.
        length: items an epoch.
        seed: of everything random.
        made: makes an item of the draws.
    """

    def __init__(self, places: int, batch: int, length: int, seed: int, made: Any) -> None:
        self.places, self.batch, self.length, self.seed = places, batch, length, seed
        self.made = made

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        rng = np.random.default_rng((self.seed, index))
        return self.made(rng.integers(self.places, size=self.batch).tolist())


class PersonTakes(LightningDataModule):
    """A person's footage, tracked once; what of it is trained on is for who is below.

    Args:
        videos: folder of videos of one person.
        labels: folder of labelled dense points; None tracks the videos.
        cache: where takes are kept.
        held: share that is held back.
        least: seconds of footage that have to be there.
        batch: frames or passages a batch.
        epoch: batches an epoch.
        workers: processes that read; 0 for the training's own.
        seed: of everything random.
        size: pixels a side; the model's.
    """

    def __init__(
        self,
        videos: str,
        labels: str | None = None,
        cache: str = ".cache/takes",
        held: float = 0.2,
        least: float = 60.0,
        batch: int = 32,
        epoch: int = 100,
        workers: int = 0,
        seed: int = 0,
        size: int = 512,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()

    def prepare_data(self) -> None:
        h = self.hparams
        labels = None if h["labels"] is None else Path(h["labels"])
        track_person(Path(h["videos"]), labels, Path(h["cache"]), h["size"])

    def setup(self, stage: str | None = None) -> None:
        h = self.hparams
        labels = None if h["labels"] is None else Path(h["labels"])
        takes = takes_of_person(Path(h["videos"]), labels, Path(h["cache"]), h["size"])
        seconds = sum(take.seconds for take in takes)
        if seconds < h["least"]:
            raise InputError(
                f"{h['videos']}: {seconds:.0f} s that show the face; a person takes "
                f"{h['least']:.0f} s or more"
            )
        if not any(speaks(take) for take in takes):
            raise InputError(
                f"{h['videos']}: nobody is heard to speak in it; give footage with speech"
            )
        self.train, self.held = split(takes, h["held"])

    @property
    def method(self) -> LiveSpeechPortraits:
        """What is trained."""
        assert self.trainer is not None  # it asks for data
        return cast(LiveSpeechPortraits, self.trainer.lightning_module.method)

    def loader(self, places: int, made: Any) -> DataLoader[Any]:
        """Batches of what is drawn."""
        h = self.hparams
        drawn = Drawn(places, h["batch"], h["epoch"], h["seed"], made)
        sampler = EpochSampler.under(self.trainer, drawn)
        return DataLoader(drawn, None, sampler=sampler, num_workers=h["workers"])


class SpokenTakes(PersonTakes):
    """Passages of sound and motion, for the mouth and the pose.

    Args:
        frames: of a passage; the paper's 240 are four seconds.
        **options: as of `PersonTakes`.
    """

    def __init__(self, videos: str, frames: int = 240, **options: Any) -> None:
        super().__init__(videos, **options)
        self.frames = frames

    def train_dataloader(self) -> DataLoader[Passage]:
        said = [spoken(self.method, take) for take in self.train]
        places = [(s, at) for s in said for at in range(0, len(s.mouth[0]) - self.frames + 1, 4)]
        if not places:
            raise InputError(f"no take has {self.frames} frames at 60 a second; give data.frames")

        def made(drawn: Sequence[int]) -> Passage:
            parts = [_part(*places[number], self.frames) for number in drawn]
            return Passage(*(torch.cat(part) for part in zip(*parts, strict=True)))

        return self.loader(len(places), made)

    def val_dataloader(self) -> DataLoader[Passage]:
        held = [spoken(self.method, take) for take in self.held]
        return DataLoader(held, None)  # type: ignore[arg-type] # a list serves


class FilmedTakes(PersonTakes):
    """Pictures and their maps, for the renderer; one in so many of those held back is validated.

    Args:
        every: of the pictures that are held back, one in so many is drawn.
        share: of the footage that is trained on, from its beginning (Table 3).
        **options: as of `PersonTakes`.
    """

    def __init__(self, videos: str, every: int = 10, share: float = 1.0, **options: Any) -> None:
        super().__init__(videos, **options)
        self.every, self.share = every, share

    def train_dataloader(self) -> DataLoader[Portrait]:
        places = [(take, at) for take in self.train for at in range(len(take.times))]
        places = places[: max(1, round(self.share * len(places)))]
        method = self.method

        def made(drawn: Sequence[int]) -> Portrait:
            parts = [portrait(method, *places[number]) for number in drawn]
            return Portrait(*(torch.cat(part) for part in zip(*parts, strict=True)))

        return self.loader(len(places), made)

    def val_dataloader(self) -> DataLoader[Portrait]:
        places = [(take, at) for take in self.held for at in range(0, len(take.times), self.every)]
        held = [portrait(self.method, take, at) for take, at in places]
        return DataLoader(held, None)  # type: ignore[arg-type] # a list serves


@torch.no_grad()
def spoken(method: LiveSpeechPortraits, take: Take) -> Passage:
    """A whole take as a passage: what the person said, and how the face moved."""
    motion, device = moving(take), method.device
    more = motion.times[-1] + torch.arange(1, method.ahead + 1, dtype=torch.float64) / FPS
    steps = sounding(take, torch.cat([motion.times, more])).to(device)
    said, _ = method.say(steps, None)
    numbers = method.person.numbers(motion.poses.to(device)).cpu()
    return Passage(said.cpu(), mouths(method.person, motion.face)[None], numbers[None])


def portrait(method: LiveSpeechPortraits, take: Take, number: int) -> Portrait:
    """A frame as it was filmed, and its map: pose, face and shoulders as they were tracked."""
    person, part = method.person, slice(number, number + 1)
    camera = person.camera(take.poses[part].to(person.poses))
    face = camera.project(take.face[part].to(person.face))
    seen = take.shoulders.shape[1] == len(person.board)
    shoulders = take.shoulders[part] if seen else take.shoulders[part, :0]
    image = take.picture(number).movedim(-1, 0)[None].float() / 255
    return Portrait(condition_maps(face, shoulders.to(face), method.size), image)


def _part(passage: Passage, first: int, count: int) -> Passage:
    ahead = passage.said.shape[1] - passage.mouth.shape[1]
    said = passage.said[:, first : first + count + ahead]
    return Passage(said, *(part[:, first : first + count] for part in passage[1:]))
